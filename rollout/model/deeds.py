"""What did people do in a run?"""

from dataclasses import dataclass
from datetime import datetime

from policies.approval import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why the run stands still: who said so ("" for the controller), when and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's yes to a step of this run. identity: None where an older version wrote it down.

    by: for people. channel: how it came.
    """

    step: int
    by: str
    at: datetime
    channel: str = ""
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person let the run go on in these freeze windows, each "namespace/name"."""

    by: str
    at: datetime
    windows: tuple[str, ...]
    reason: str
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a person did in a run, for the audit: what, who, from which channel, and what proved it.

    proof: "cluster", "cluster by token", "slack of NAMESPACE" and the like. step: in which it was done.
    """

    verb: str
    by: str
    at: datetime
    channel: str = ""
    proof: str = ""
    step: int = 0
    reason: str = ""
