"""How does a test serve a git repository over SSH?"""

import os
import pwd
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from rollout.ports.sources import Credentials
from tests.servers import build, obtaining
from tests.servers.process import Process, free_port

_CONFIG = """
ListenAddress 127.0.0.1
PidFile none
HostKey {host_key}
AuthorizedKeysFile {authorized}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AcceptEnv GIT_PROTOCOL
LogLevel VERBOSE
"""


class Sshd:
    """OpenSSH's server on loopback, with a host key of its own, that lets in one client key as whoever runs the test."""

    def __init__(self, directory: Path) -> None:
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self._directory = directory
        self._process = Process("sshd", directory / "sshd.log")
        self._port = 0

    def start(self) -> None:
        """Serve; raises ServerMissingError where there is no sshd."""
        program = build.sshd()
        self._directory.mkdir(exist_ok=True)
        for name in ("host", "client"):
            make_key(self._directory / name, name)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd locks in what has not logged in yet
        self._port = free_port()
        config = self._directory / "sshd_config"
        config.write_text(_CONFIG.format(host_key=self._directory / "host", authorized=self._directory / "client.pub"))
        command = [str(program), "-D", "-e", "-f", str(config), "-p", str(self._port)]
        self._process.start(command, self._directory)
        self._process.wait_ready(self._answers)

    def stop(self) -> None:
        """Close."""
        self._process.stop()

    def url(self, path: Path) -> str:
        """The URL of a repository on this machine."""
        return f"ssh://{self.user}@127.0.0.1:{self._port}{path}"

    @property
    def credentials(self) -> Credentials:
        """What it lets in, with what it shows of itself."""
        key = (self._directory / "client").read_text()
        return Credentials(ssh_key=key, known_hosts=self.known_as((self._directory / "host.pub").read_text()))

    def known_as(self, public_key: str) -> str:
        """The line of known_hosts that names it with this host key."""
        return f"[127.0.0.1]:{self._port} {public_key}"

    def log(self) -> str:
        """All that it wrote."""
        return (self._directory / "sshd.log").read_text(errors="replace")

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
        return False


def make_key(path: Path, comment: str, passphrase: str = "", *more: str) -> str:
    """The public half of a new key at `path`; raises ServerMissingError where there is no ssh-keygen."""
    program = obtaining.installed("ssh-keygen", "openssh-client")
    kind = more or ("-t", "ed25519")
    command = [str(program), "-q", *kind, "-N", passphrase, "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path.with_name(f"{path.name}.pub").read_text()
