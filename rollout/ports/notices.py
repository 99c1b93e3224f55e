"""Who is told what happened?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.rollouts import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The object that news are about. state: where it stands, one word; details: more of it, for machines."""

    kind: str
    key: Key
    uid: str
    version: str
    state: str
    details: Mapping[str, str] = field(default_factory=dict)


class Notices(Protocol):
    """News for people, at least once, de-duplicated by the receiver's rules; a failure here never stops a rollout."""

    async def tell(self, about: About, reason: Reason) -> None:
        """Announce `reason`; repeated ones within the de-duplication time are counted, not repeated."""


def about_rollout(stored: Stored) -> About:
    """A Rollout, with revision, run and step: its news can be told apart without reading them."""
    run = stored.status.run
    revision = run.canary.name if run else stored.spec.revision if stored.spec else ""
    details = {"revision": revision}
    if run:
        details |= {"step": str(run.step), "run": str(stored.status.runs)}
    return About(
        kind="Rollout",
        key=stored.key,
        uid=stored.uid,
        version=stored.version,
        state=stored.status.phase.value,
        details={name: value for name, value in details.items() if value},
    )
