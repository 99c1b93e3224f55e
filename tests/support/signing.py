"""How does a test sign commits?"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers import build
from tests.servers.sshd import make_key

_ANSWER_S = 60


class SshSigner:
    """An SSH key of its own; raises ServerMissingError where there is no ssh-keygen."""

    def __init__(self, path: Path, comment: str) -> None:
        self.public = make_key(path, comment).strip()
        self.settings = ("gpg.format=ssh", f"user.signingkey={path}")
        said = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(path)], check=True, capture_output=True, text=True, timeout=_ANSWER_S
        )
        self.fingerprint = said.stdout.split()[1]


class GpgSigner:
    """A GPG key in a keyring of its own; raises ServerMissingError where there is no gpg.

    expires: as gpg takes it; made: the time that gpg is to believe it is, as YYYYMMDDTHHMMSS, "" for now.
    """

    def __init__(self, name: str, *, expires: str = "never", made: str = "") -> None:
        build.gpg()
        self.home = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))  # short: the agent's socket is in it
        self._time = ["--faked-system-time", f"{made}!"] if made else []
        self.gpg(*self._time, "--quick-gen-key", name, "ed25519", "sign", expires)
        listed = self.gpg("--with-colons", "--list-keys").splitlines()
        self.fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))
        self.settings = ("gpg.format=openpgp", f"user.signingkey={self.fingerprint}", f"gpg.program={self._program()}")

    @property
    def public(self) -> str:
        """The key block, as it is now."""
        return self.gpg("--armor", "--export", self.fingerprint)

    @property
    def private(self) -> str:
        """The secret half."""
        return self.gpg("--armor", "--export-secret-keys", self.fingerprint)

    def revoke(self) -> None:
        """Take the key back, as its owner does when it was stolen."""
        text = (self.home / "openpgp-revocs.d" / f"{self.fingerprint}.rev").read_text()
        self.gpg("--import", said=text.replace(":-----BEGIN", "-----BEGIN"))

    def gpg(self, *arguments: str, said: str = "") -> str:
        """What gpg prints."""
        command = ["gpg", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
        environment = os.environ | {"GNUPGHOME": str(self.home)}
        done = subprocess.run(
            command, input=said, env=environment, check=True, capture_output=True, text=True, timeout=_ANSWER_S
        )
        return done.stdout

    def close(self) -> None:
        """End its agent and forget the key."""
        environment = os.environ | {"GNUPGHOME": str(self.home)}
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False, timeout=_ANSWER_S)
        shutil.rmtree(self.home, ignore_errors=True)

    def _program(self) -> Path:
        """gpg as git runs it: in our keyring, at our time."""
        path = self.home / "signing-gpg"
        words = " ".join(["gpg", "--homedir", str(self.home), *self._time])
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        path.chmod(0o755)
        return path
