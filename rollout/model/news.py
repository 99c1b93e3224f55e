"""What is news of an object, compared with what was told of it last?"""

from dataclasses import dataclass
from datetime import datetime

from rollout.model.notifier import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that people have not been told yet.

    code: CamelCase, an outcome, a phase or a reason's code. key: the same for the same news, however often it is worked out,
    and of no other news of the object. run: 0 where no run is in hand. at: when it came about, None where the status does
    not say. needs_person: whether it goes on only when somebody acts. ends: whether the run is over, or the wait: it must
    not be forgotten that this was passed. mark: the mark of the object once this, and all news before it, is told.
    """

    code: str
    sentence: str
    key: str
    mark: str
    severity: Severity = Severity.INFO
    run: int = 0
    revision: str = ""
    step: int = 0
    weight: int = 0
    phase: str = ""
    at: datetime | None = None
    needs_person: bool = False
    ends: bool = False

    def is_worth(self, least: Severity) -> bool:
        """Whether it is told where `least` is asked for: what waits for a person always is."""
        return least is Severity.INFO or self.severity is Severity.WARNING or self.needs_person
