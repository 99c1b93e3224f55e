"""What does a failed git command mean for the one who asked?

git has one exit code and many sentences; the first row whose words are found decides. Everything else is Unreachable:
trying again later is never wrong.
"""

import re

from adapters.git.access import secrets_of
from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials

_MEANINGS: tuple[tuple[str, type[PortError], str], ...] = (
    (
        r"No space left on device|Disk quota exceeded",
        Unreachable,
        "the disk of the git cache is full; make room there, or give --git-cache another folder",
    ),
    (
        r"file too large",
        Rejected,
        "the repository is larger than we take; keep specs in a smaller one",
    ),
    (r"out of memory|cannot allocate|mmap failed", Rejected, "the repository has objects that are larger than we take"),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        Forbidden,
        (
            "the server's host key is not the one in known_hosts; somebody may stand in between. If the host really got a "
            "new key, put that one into{secret} known_hosts"
        ),
    ),
    (
        r"No \S+ host key is known|Host key verification failed",
        Forbidden,
        (
            "the server's host key is not in known_hosts; compare `ssh-keyscan` with what the git host publishes and put it "
            "into{secret} known_hosts"
        ),
    ),
    (r"Load key|error in libcrypto|invalid format", Rejected, "identity is no key that ssh can read{who}"),
    (r"Permission denied \(|Too many authentication failures", Forbidden, "the server does not accept the key{who}"),
    (r"No user exists for uid", Unreachable, "ssh needs the controller's user to be in /etc/passwd of its image"),
    (r"cannot run ssh", Unreachable, "there is no ssh on the PATH of the controller; install openssh-client"),
    (r"(HTTP code|error:?) 407|proxy auth|SOCKS5 auth|User was rejected by the SOCKS5", Forbidden, "{proxy}"),
    (r"Could not resolve proxy", Unreachable, "the proxy's name is not known"),
    (r"returned error: 403", Forbidden, "the server does not let us read it{who}"),
    (r"could not read (Username|Password)|Authentication failed|returned error: 401", Forbidden, "{authenticate}"),
    (r"dubious ownership", Forbidden, "the repository belongs to another user of this machine"),
    (r"returned error: 30\d|redirect", Rejected, "the server sends us to another URL; put that one into spec.url"),
    (r"transport '\S*' not allowed", Rejected, "the server wants a protocol that is not allowed"),
    (
        r"fsck error|index-pack failed|invalid index-pack|object corrupt",
        Rejected,
        "the repository holds what git takes for broken",
    ),
    (r"remote ref", NotFound, "there is no branch or tag {ref}"),
    (
        r"returned error: 404|not found|does not appear to be a git repository|does not exist",
        NotFound,
        "there is no such repository",
    ),
    (r"certificate|SSL", Unreachable, "the server's certificate is not trusted; a CA goes into the Secret as ca.crt"),
    (r"Could not resolve host", Unreachable, "the host's name is not known"),
    (r"returned error: 429", Unreachable, "the server asks us to come less often"),
)
# git's lines, and those with which ssh ends; what else a server writes is not repeated
_TELLING = re.compile(
    r"(fatal|error|remote|ssh|kex_exchange_identification|load key .*): |host key verification failed|no \S+ host key is"
    r"|.*permission denied \(|@ +warning: remote host identification|no user exists for uid|connection (closed|reset)",
    re.IGNORECASE,
)
_MOST = 300  # characters of git's own words in a message


def failure(source: GitSource, credentials: Credentials, said: str) -> PortError:
    """The PortError for a command that ended with `said` on stderr; no credential is in its message."""
    words = _fatal(said, credentials)
    for pattern, error, meaning in _MEANINGS:
        if re.search(pattern, words, re.IGNORECASE):
            told = meaning.format(ref=source.ref, **_words(source))
            return error(f"{source.url}: {told} (git: {words[:_MOST]})")
    return Unreachable(f"{source.url}: {words[:_MOST] or 'git failed without a word'}")


def _fatal(said: str, credentials: Credentials) -> str:
    """The lines that tell the cause, on one line, without what must not be seen and what cannot be."""
    for secret in secrets_of(credentials):
        said = said.replace(secret, "***")
    said = re.sub(r" after \d+ ms", "", said)  # the same failure is told in the same words, or each try is a new status
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.match(line)] or lines
    text = "; ".join(telling)
    return "".join(character if character.isprintable() else " " for character in text)


def _words(source: GitSource) -> dict[str, str]:
    secret = f"Secret {source.secret}"
    if not source.secret:
        missing = "it asks for credentials; name a Secret in spec.secretRef"
        return {"who": "", "secret": "", "authenticate": missing, "proxy": "the proxy asks for a user and password"}
    return {
        "who": f" with the credentials of {secret}",
        "secret": f" {secret}'s",
        "authenticate": f"the credentials of {secret} are not accepted",
        "proxy": f"the proxy does not accept the user and password in proxy of {secret}",
    }
