"""Which people does a commit name, and whom its signature?

A name or address in a commit is whatever its maker wrote, so nothing here proves anything: it only says who cannot be
the second pair of eyes.
"""

import re

from rollout.ports.past import Written

_MOST_CO_AUTHORS = 100
_LONGEST = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
_LONGEST_TEXT = 500
# What mail servers take without quotes; a look-alike from another alphabet is nobody's address here.
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"
_WHOLE = re.compile(_ADDRESS)
_PERSON = re.compile(r"[^<>]*<([^<>]*)>")
_CO_AUTHOR = re.compile(r"^[ \t]*co-authored-by[ \t]*:[^<>\n]*<([^<>\n]*)>", re.IGNORECASE | re.MULTILINE)
_WITHIN = re.compile(rf"(?<![^\s<(])({_ADDRESS})(?![^\s>)])")


def authors(written: Written) -> tuple[str, ...] | None:
    """Addresses of author, committer and co-authors, lower case, sorted; None when author or committer has none."""
    people = [_PERSON.fullmatch(text.strip()) for text in (written.author, written.committer)]
    named = [address(person[1]) if person else "" for person in people]
    if "" in named:
        return None
    others = _CO_AUTHOR.findall(written.message)[:_MOST_CO_AUTHORS]
    return tuple(sorted({*named, *(found for other in others if (found := address(other)))}))


def signers(signer: str) -> tuple[str, ...]:
    """Addresses in the name of the key that signed, lower case, sorted."""
    return tuple(sorted({found for text in _WITHIN.findall(signer) if (found := address(text))}))


def address(text: str) -> str:
    """An e-mail address in lower case; "" for anything else."""
    bare = text.strip()
    return bare.lower() if len(bare) <= _LONGEST and _WHOLE.fullmatch(bare) else ""


def plain(text: str) -> str:
    """Text that may hold what a repository said, in characters that can be seen, bounded."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:_LONGEST_TEXT])
