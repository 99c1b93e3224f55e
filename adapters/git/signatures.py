"""Which of the trusted keys signed a commit?

`git verify-commit` says so, with nothing but these keys before it: no keyring, agent, key server or file of this
machine. Its exit code and its raw lines must agree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.git.access import private_file, private_folder
from adapters.git.command import Call, Output, environment
from adapters.git.mirror import Mirror
from adapters.git.sshkeys import PublicKey, public_key
from rollout.ports.errors import PortError, Rejected, Unreachable
from rollout.ports.sources import TrustedKeys

_MOST_SSH, _MOST_GPG = 100, 20
_MOST_BLOCK = (
    256 * 1024
)  # characters of a GPG key block; with photos and many signatures it is larger, without it is not
_MOST_COMMIT = 1_000_000  # bytes of a commit object
_GPG = "gpg"
_FORMS = {"SSH SIGNATURE": "ssh", "PGP SIGNATURE": _GPG, "PGP MESSAGE": _GPG}  # as git tells them apart
# gpg(1): nothing is started, asked for or looked up; who is trusted is said by what is imported
_GPG_CONF = (
    "batch\nno-tty\nno-autostart\ndisable-dirmngr\nno-auto-key-retrieve\nno-auto-key-locate\ntrust-model always\n"
)
_IMPORT_REFUSED = (b"[GNUPG:] IMPORT_PROBLEM", b"[GNUPG:] NODATA", b"[GNUPG:] ERROR import")
_SSH_GOOD = re.compile(r'^Good "git" signature for key-(\d+) with \S+ key (\S+)$', re.MULTILINE)
_SSH_UNKNOWN = re.compile(r'^Good "git" signature with \S+ key (\S+)$', re.MULTILINE)
# doc/DETAILS of GnuPG, "General status codes"; the first that is there decides
_GPG_REFUSED = (
    ("BADSIG", "has a signature that does not fit: the commit was altered after it was signed"),
    ("REVKEYSIG", "is signed by key {key}, which was revoked"),
    ("EXPKEYSIG", "is signed by key {key}, which has expired"),
    ("EXPSIG", "has a signature of key {key} that has expired"),
    ("ERRSIG", "is signed by key {key}, which is not trusted here"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys that were looked at. place: where they come from, for messages."""

    place: str
    ssh: tuple[PublicKey, ...]
    gpg: tuple[str, ...]

    @classmethod
    def checked(cls, trusted: TrustedKeys, place: str) -> "Keys":
        """The keys in `trusted`; raises Rejected when one is none, or when there are none or too many."""
        lines = [line for text in trusted.ssh for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
        if not lines and not trusted.gpg:
            raise Rejected(
                f"{place} holds no key that could have signed: put in public keys as *.sshpub (SSH) or *.asc (GPG)"
            )
        if len(lines) > _MOST_SSH or len(trusted.gpg) > _MOST_GPG:
            raise Rejected(f"{place} holds more than {_MOST_SSH} SSH keys or {_MOST_GPG} GPG key blocks")
        for block in trusted.gpg:
            if "PRIVATE KEY" in block:
                raise Rejected(
                    f"{place} holds a private GPG key; take it out, and put in what `gpg --armor --export` says"
                )
            if "-----BEGIN PGP PUBLIC KEY BLOCK-----" not in block or len(block) > _MOST_BLOCK:
                raise Rejected(
                    f"{place} holds a GPG key that is not what `gpg --armor --export` says, or is over 256 KB"
                )
        return cls(place=place, ssh=tuple(public_key(place, line) for line in lines), gpg=trusted.gpg)


def signer(call: Call, mirror: Mirror, commit: str, keys: Keys) -> str:
    """The fingerprint and name of the key that signed the commit, which must be in the mirror.

    Raises Rejected for every other commit, Unreachable where a program is missing.
    """
    form = _form(mirror.local(call, ["cat-file", "commit", commit], most=_MOST_COMMIT).out, commit)
    if not (keys.gpg if form == _GPG else keys.ssh):
        raise Rejected(
            f"commit {commit[:12]} is signed by a key of {form.upper()}; {keys.place} holds none of that kind"
        )
    with private_folder(mirror.directory.parent) as folder:
        variables = _variables(folder, form, keys)
        if form == _GPG:
            _import(call, folder, variables, keys)
        output = mirror.local(call, ["verify-commit", "--raw", commit], variables=variables)
    found = _gpg_signer(output) if form == _GPG else _ssh_signer(output, keys)
    if isinstance(found, PortError):
        raise type(found)(f"commit {commit[:12]} {found}")
    return found


def _form(commit: bytes, commit_id: str) -> str:
    """Of which kind the commit's signature is; raises Rejected when there is none, or one that we cannot judge."""
    header = commit.partition(b"\n\n")[0].decode("utf-8", "replace")
    signed = re.search(r"^gpgsig(?:-sha256)? -----BEGIN ([A-Z ]+)-----$", header, re.MULTILINE)
    if signed is None:
        raise Rejected(f"commit {commit_id[:12]} is not signed")
    if signed[1] not in _FORMS:
        raise Rejected(f"commit {commit_id[:12]} has a {signed[1].lower()}; only signatures of SSH and GPG are taken")
    return _FORMS[signed[1]]


def _variables(folder: Path, form: str, keys: Keys) -> dict[str, str]:
    # the principal is ours, so that nothing of a key's comment is read as an option
    lines = [f'key-{number} namespaces="git" {key.kind} {key.text}\n' for number, key in enumerate(keys.ssh)]
    settings = {
        "gpg.ssh.allowedSignersFile": str(private_file(folder / "allowed_signers", "".join(lines))),
        "gpg.ssh.program": "ssh-keygen" if form == "ssh" else "false",
        "gpg.openpgp.program": "gpg" if form == _GPG else "false",
        "gpg.x509.program": "false",
    }
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    private_file(home / "gpg.conf", _GPG_CONF)
    return environment(folder, settings=settings) | {"GNUPGHOME": str(home), "TMPDIR": str(folder)}


def _import(call: Call, folder: Path, variables: Mapping[str, str], keys: Keys) -> None:
    for number, block in enumerate(keys.gpg, 1):
        arguments = ["--status-fd=1", "--import"]
        output = call.run(folder, arguments, variables, stdin=block.encode(), program=_GPG)
        # not by the exit code: gpg looks for an agent, which it may not start, and calls it an error where the path is long
        if b"[GNUPG:] IMPORT_OK" not in output.out or any(word in output.out for word in _IMPORT_REFUSED):
            raise Rejected(f"{keys.place}: GPG key block {number} of {len(keys.gpg)} cannot be imported")


def _ssh_signer(output: Output, keys: Keys) -> str | PortError:
    good = _SSH_GOOD.findall(output.error)
    if output.code == 0 and len(good) == 1:
        number, fingerprint = good[0]
        return f"{fingerprint} {keys.ssh[int(number)].comment}".strip()
    if unknown := _SSH_UNKNOWN.search(output.error):
        return Rejected(f"is signed by key {unknown[1]}, which is not trusted here")
    if re.search(r"cannot run|No user exists", output.error):
        return Unreachable(
            f"cannot be judged: install openssh-client and name our user in /etc/passwd ({output.error[:200]!r})"
        )
    return Rejected("has a signature that does not fit: the commit was altered after it was signed")


def _gpg_signer(output: Output) -> str | PortError:
    lines = [line.split(" ") for line in output.error.splitlines() if line.startswith("[GNUPG:] ")]
    said = {words[1]: words[2:] for words in lines if len(words) > 1}
    for status, meaning in _GPG_REFUSED:
        if status in said:
            return Rejected(meaning.format(key=(said[status] or ["?"])[0]))
    goods = [words[1] for words in lines if len(words) > 1 and words[1] in ("GOODSIG", "VALIDSIG")]
    if output.code == 0 and sorted(goods) == ["GOODSIG", "VALIDSIG"]:
        name = "".join(sign if sign.isprintable() else " " for sign in " ".join(said["GOODSIG"][1:]))
        return f"{said['VALIDSIG'][-1]} {name[:100]}".strip()
    return Rejected("has a signature that cannot be read")
