"""What does a failed git command mean for the one who asked?

git has one exit code and many sentences; the first row whose words are found decides. Everything else is Unreachable:
trying again later is never wrong.
"""

import re

from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials

_MEANINGS: tuple[tuple[str, type[PortError], str], ...] = (
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
_MOST = 300  # characters of git's own words in a message


def failure(source: GitSource, credentials: Credentials, said: str) -> PortError:
    """The PortError for a command that ended with `said` on stderr; no credential is in its message."""
    words = _fatal(said, credentials)
    for pattern, error, meaning in _MEANINGS:
        if re.search(pattern, words, re.IGNORECASE):
            told = meaning.format(ref=source.ref, who=_who(source), authenticate=_authenticate(source))
            return error(f"{source.url}: {told} (git: {words})")
    return Unreachable(f"{source.url}: {words or 'git failed without a word'}")


def _fatal(said: str, credentials: Credentials) -> str:
    """The lines that tell the cause, on one line, without what must not be seen and what cannot be."""
    for secret in (credentials.password, credentials.bearer):
        if secret:
            said = said.replace(secret, "***")
    said = re.sub(r" after \d+ ms", "", said)  # the same failure is told in the same words, or each try is a new status
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(fatal|error|remote):", line)] or lines
    text = "; ".join(telling)
    return "".join(character if character.isprintable() else " " for character in text)[:_MOST]


def _who(source: GitSource) -> str:
    return f" with the credentials of Secret {source.secret}" if source.secret else ""


def _authenticate(source: GitSource) -> str:
    if source.secret:
        return f"the credentials of Secret {source.secret} are not accepted"
    return "it asks for credentials; name a Secret in spec.secretRef"
