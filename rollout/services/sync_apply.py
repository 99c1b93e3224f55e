"""How are a commit's objects written one after the other, and what is said of what others had made of them?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rollout.manifest.errors import SpecError
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.errors import Conflict, LeaseLost, PortError, Rejected
from rollout.ports.specs import Applied, Edited, ObjectRef, Spec, Specs
from rollout.services.sync_plan import error_at

_SHOWN = 5  # objects named in one sentence; a mass edit is one Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of writing. edits: what applying led to, for objects that were written.

    refused: objects that the API server does not take; the others were written all the same. failure: why it was broken
    off, or why one object has to wait; None when neither is so.
    """

    edits: tuple[tuple[ObjectRef, Applied], ...] = ()
    refused: tuple[SpecError, ...] = ()
    failure: PortError | None = None

    @property
    def refs(self) -> tuple[ObjectRef, ...]:
        """The objects that were written."""
        return tuple(ref for ref, _ in self.edits)


async def written(specs: Specs, wanted: Iterable[Spec], source: Key) -> Written:
    """Apply one after the other; one that is refused, or is in the way of itself, does not keep the others back.

    Raises LeaseLost at once.
    """
    edits: list[tuple[ObjectRef, Applied]] = []
    refused: list[SpecError] = []
    failure: PortError | None = None
    for spec in wanted:
        try:
            applied = await specs.apply(spec, source)
        except LeaseLost:
            raise
        except Rejected as error:
            refused.append(error_at(spec, f"it is refused: {error}", ""))
        except Conflict as error:
            failure = error
        except PortError as error:
            failure = error
            break
        else:
            if applied.changed:
                edits.append((spec.ref, applied))
    return Written(edits=tuple(edits), refused=tuple(refused), failure=failure)


def edit_news(done: Written, commit: str, *, was_in_force: bool) -> tuple[Reason, ...]:
    """What is said of edits. was_in_force: the commit was taken before, so whatever differed was somebody's edit."""
    put_back = [(ref, applied.put_back) for ref, applied in done.edits if was_in_force and applied.put_back]
    taken_back = [(ref, applied.taken_back) for ref, applied in done.edits if applied.taken_back]
    news = []
    if put_back:
        message = f"{_told(put_back, _put_back)}; put back to what commit {commit[:12]} says"
        news.append(Reason(code="DriftPutBack", message=message, warning=True))
    if taken_back:
        message = f"{_told(taken_back, _taken_back)}; removed, because commit {commit[:12]} does not have it"
        news.append(Reason(code="FieldsRemoved", message=message, warning=True))
    return tuple(news)


def _told(found: list[tuple[ObjectRef, tuple[Edited, ...]]], words: Callable[[Edited], str]) -> str:
    shown = "; ".join(f"{ref}: {', '.join(words(edit) for edit in edits)}" for ref, edits in found[:_SHOWN])
    more = len(found) - _SHOWN
    return f"{shown}; and {more} more objects" if more > 0 else shown


def _put_back(edit: Edited) -> str:
    if not edit.path:
        return "was deleted"
    return f"{edit.path} was changed by {edit.manager}" if edit.manager else f"{edit.path} was removed or changed"


def _taken_back(edit: Edited) -> str:
    return f"{edit.path} was added by {edit.manager or 'an unnamed field manager'}"
