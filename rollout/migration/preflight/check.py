"""What is a preflight check, and what does it say when it cannot look?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.model.migration import Finding, Severity
from rollout.model.telemetry import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the catalogue. reads: the kinds that it looks at. asks: what it must know of the metrics.

    severity: of most of its findings, and of the one that says that it could not look. find: what is wrong; pure, in any
    order; it is not asked while something that it reads or asks is unknown.
    """

    id: str
    title: str
    severity: Severity
    reads: tuple[str, ...]
    asks: tuple[Asked, ...] = ()
    find: Callable[[Gathered], Iterable[Finding]]

    def findings(self, gathered: Gathered) -> tuple[Finding, ...]:
        """What it finds, sorted and without repetition; that it could not look instead, where it could not."""
        unseen = self.unseen(gathered)
        return (unseen,) if unseen else tuple(sorted(set(self.find(gathered))))

    def unseen(self, gathered: Gathered) -> Finding | None:
        """That a kind could not be read or a question was not answered; None when all is known."""
        unread = {kind: gathered.unread[kind] for kind in self.reads if kind in gathered.unread}
        unanswered = {f"metrics {one}": why for one in self.asks if (why := _no_answer(gathered, one)) is not None}
        missing = unread | unanswered
        if not missing:
            return None
        return Finding(
            check=self.id,
            severity=self.severity,
            object=", ".join(sorted(missing)),
            why=f"could not be read ({'; '.join(sorted(set(missing.values())))}): nobody knows about: {self.title}",
            fix="let rollout read it, in all namespaces" if unread else "make the metrics server answer",
        )


def _no_answer(gathered: Gathered, asked: Asked) -> str | None:
    """Why a question has no answer; None when it has one."""
    answer = gathered.told.get(asked)
    if answer is None:
        return "it was not asked"
    return None if answer.series is not None else answer.problem


def named(kind: str, obj: Obj) -> str:
    """How findings name an object: "Deployment shop/api", "Namespace shop"."""
    meta = obj["metadata"]
    return f"{kind} {meta['namespace']}/{meta['name']}" if meta.get("namespace") else f"{kind} {meta['name']}"


def labels(obj: Obj) -> dict[str, str]:
    """The object's labels."""
    return dict(obj["metadata"].get("labels") or {})


def annotations(obj: Obj) -> dict[str, str]:
    """The object's annotations."""
    return dict(obj["metadata"].get("annotations") or {})
