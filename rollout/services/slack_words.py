"""What does somebody want who types `/rollout ...`?"""

import re
from dataclasses import dataclass

from rollout.model.commands import Verb
from rollout.model.names import Key

LONGEST_REASON = 1024  # what a RolloutCommand takes
VERBS = (Verb.APPROVE, Verb.REJECT, Verb.ABORT, Verb.PAUSE, Verb.RESUME)
HELP = (
    "`/rollout status` lists the Rollouts that you can reach from here, `/rollout status [NAMESPACE/]NAME` shows one, "
    "`/rollout why [NAMESPACE/]NAME` says why it stands as it does, and "
    "`/rollout approve|reject|abort|pause|resume [NAMESPACE/]NAME [REASON]` asks it to do something."
)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command that was understood. word: `status`, `why` or a verb. key: None for all Rollouts; reason: "" for none."""

    word: str
    key: Key | None
    reason: str = ""


def understood(text: str, namespace: str) -> Typed | None:
    """What the text after `/rollout` means; None when it means nothing. namespace: of a name without one."""
    words = text.split(maxsplit=2)
    if not words or words in (["status"], ["list"]):
        return Typed(word="status", key=None)
    if words == ["help"]:
        return None
    known = {"status", "why", *(verb.value for verb in VERBS)}
    if words[0] not in known:
        words = ["why", *words]
        if len(words) > 2:
            return None
    key = key_in(words[1], namespace) if len(words) > 1 else None
    given = words[2] if len(words) > 2 else ""
    # isprintable leaves out what is no part of a line, surrogates and what turns the direction of text among it
    reason = " ".join("".join(char if char.isprintable() else " " for char in given).split())
    if key is None or len(reason) > LONGEST_REASON or (reason and words[0] in ("status", "why")):
        return None
    return Typed(word=words[0], key=key, reason=reason)


def key_in(text: str, namespace: str) -> Key | None:
    """The key that NAME or NAMESPACE/NAME means; None when it cannot be one."""
    place, slash, name = text.rpartition("/")
    place = place if slash else namespace
    if not _NAMESPACE.fullmatch(place) or not _NAME.fullmatch(name):
        return None
    return Key(namespace=place, name=name)
