"""What is asked outside before a run may go on, and what was answered?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rollout.model.names import Key


class HookType(StrEnum):
    """When a hook is called and what its answer means, in Flagger's words."""

    CONFIRM_ROLLOUT = "confirm-rollout"
    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    POST_ROLLOUT = "post-rollout"
    ROLLBACK = "rollback"
    EVENT = "event"


# The types whose failing calls in a row end the run.
COUNTED = frozenset({HookType.PRE_ROLLOUT, HookType.ROLLOUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One entry of spec.webhooks.

    timeout: of each call, everything in it. retries: further calls after a 5xx or no answer at all. metadata: sent as it
    is, with placeholders filled. secret: name of the Secret that signs, "" for none. failures: so many failing calls in a
    row end the run (COUNTED types). mute_alert: a closed gate is no news.
    """

    name: str
    type: HookType
    url: str
    timeout: timedelta = timedelta(seconds=10)
    retries: int = 2
    metadata: tuple[tuple[str, str], ...] = ()
    secret: str = ""
    failures: int = 1
    mute_alert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HookQuestion:
    """One call to be made.

    phase: in Flagger's words. checksum: the same for the same revision and pod template. run, step: what it is asked for;
    an answer counts for nothing else. metadata: as it is sent. asked: when. about: what else makes this call another one
    than the last, "" for nothing (news have a number).
    """

    key: Key
    hook: Hook
    phase: str
    checksum: str
    run: int
    step: int
    metadata: tuple[tuple[str, str], ...]
    asked: datetime
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAnswer:
    """What came of a call. message: for people, one line. asked, at: when it was asked, and when it was answered."""

    passed: bool
    message: str
    run: int
    step: int
    asked: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCount:
    """So many calls of a hook in a row failed in this step; one that passed last is not kept. at: of the last answer."""

    name: str
    step: int
    failures: int
    at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOwed:
    """A run has ended, and a post-rollout hook has not been called for it yet. template: of the revision's pods."""

    name: str
    run: int
    revision: str
    template: str
    succeeded: bool
    since: datetime


MOST_HOOKS = 20
OWED_KEPT = 40  # two runs of as many hooks as a spec may have
