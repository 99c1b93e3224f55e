"""What stays open for an exception that left the spec, and may it be closed now?

Closing it is a flip like another: it takes a soak of its own, in which nobody spoke plaintext to what becomes STRICT.
"""

from collections.abc import Iterator

from policies.ledger_events import Event, counting
from rollout.migration.fleet import strict_hold
from rollout.migration.mtls_leaving import closed_by, emptied, leaving, raises
from rollout.migration.soaking import soak_holds
from rollout.migration.view import View, named, unmeshed
from rollout.model.mesh_writes import MeshWrite, RemovePeer, WritePeer
from rollout.model.status import Reason
from rollout.model.telemetry import Asked


def left_behind(view: View) -> tuple[WritePeer, ...]:
    """The writes that take back what exceptions of the past opened, as far as they make nothing STRICT now."""
    writes = leaving(view.namespace, view.spec.exceptions_of(view.name), view.seen.snapshot)
    return tuple(write for write in writes if not raises(view.namespace, view.root, write))


def to_close(view: View) -> tuple[str, ...]:
    """What an exception that is gone keeps from being STRICT: "api-1:8080", or pods to come."""
    return tuple(f"{name}:{port}" if port else name for name, port in _places(view))


def closing_writes(view: View) -> tuple[WritePeer | RemovePeer, ...]:
    """The writes that close it, once that is proven safe; and objects that say nothing any more."""
    proven = is_proven(view)
    writes = leaving(view.namespace, view.spec.exceptions_of(view.name), view.seen.snapshot) if proven else ()
    return (*writes, *emptied(view.namespace, view.root))


def is_proven(view: View) -> bool:
    """Whether something is to be closed, and may be."""
    return view.status.closing and not _unproven(view)


def closing_announced(view: View, writes: tuple[MeshWrite, ...]) -> Reason | None:
    """What people are told as such a write is made: which connections end by it. None for other writes."""
    if not any(isinstance(one, WritePeer) and one in closing_writes(view) for one in writes):
        return None
    seconds = view.spec.drain.total_seconds()
    message = f"{named(to_close(view))} becomes STRICT now: long connections, those with mTLS too, are cut {seconds:.0f} s later"
    return Reason(code="ConnectionsCut", message=message)


def closing_holds(view: View) -> Iterator[Reason]:
    """That something is not closed yet, and why; nothing when nothing is to be closed."""
    places = to_close(view)
    if not places:
        return
    message = (
        f"{named(places)}: open for an exception that is gone; closed once that is proven safe: "
        f"{_unproven(view) or 'with the next look'}"
    )
    yield Reason(code="ExceptionLeft", message=message)


def counts_while_closing(view: View, event: Event) -> bool:
    """Whether plaintext speaks against the mode that is in force: to what is still open, it is no trouble yet."""
    return event.labels.get("pod", "") not in {name for name, _ in _places(view)}


def _unproven(view: View) -> str:
    """Why closing it could refuse somebody, for people; "" when nobody has needed it for a whole soak."""
    found = [*soak_holds(view), *_spoken(view)]
    hold = strict_hold(view.fleet, view.name)
    found += [hold] if hold is not None else []
    return found[0].message if found else "pods have no proxy" if unmeshed(view) else ""


def _spoken(view: View) -> Iterator[Reason]:
    """Plaintext of this look, and connections that are open since nobody looked."""
    if counting(view.seen.plaintext.events):
        yield Reason(code="PlaintextSeen", message="somebody spoke plaintext just now")
    rows, pods = view.rows(Asked.PLAINTEXT_OPEN), {name for name, _ in _places(view)}
    if rows is None:
        yield Reason(code="TelemetryMissing", message=f"{Asked.PLAINTEXT_OPEN}: it was not asked yet")
    elif any(row.value > 0 and row.label("pod") in pods for row in rows):
        yield Reason(code="PlaintextOpen", message="connections without mTLS are open to it")


def _places(view: View) -> tuple[tuple[str, int], ...]:
    return closed_by(view.namespace, view.root, view.spec.exceptions_of(view.name), view.seen.snapshot)
