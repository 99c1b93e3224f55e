"""What does a commit want, what of it may be taken, and what has to go?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.parse import Manifest, parse_file
from rollout.model.names import Key
from rollout.model.source import GitSource, OnInvalid, Snapshot
from rollout.ports.specs import ObjectRef, Spec

REFUSED: Mapping[str, str] = {
    "GitSource": "a GitSource cannot come from git, it could send itself elsewhere; apply it with kubectl",
    "Receiver": "a Receiver cannot come from git, it says who is believed; apply it with kubectl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a commit's files say. foreign: how many objects are not of our kinds."""

    specs: tuple[Spec, ...]
    errors: tuple[SpecError, ...]
    foreign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What may be taken. specs: in the order to apply them; none when `errors` keep the whole commit out.

    skipped: files that are left out because of their errors, where the source says so.
    """

    specs: tuple[Spec, ...] = ()
    errors: tuple[SpecError, ...] = ()
    skipped: tuple[str, ...] = ()
    foreign: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What to do. held: what would have to go but waits for a person, and with it all of the commit; held_why: why."""

    apply: tuple[Spec, ...] = ()
    prune: tuple[ObjectRef, ...] = ()
    held: tuple[ObjectRef, ...] = ()
    held_why: str = ""


def read(snapshot: Snapshot, namespace: str) -> Reading:
    """All that the files say; the slow part. namespace: of objects that name none."""
    specs: list[Spec] = []
    errors: list[SpecError] = []
    foreign = 0
    for file in snapshot.files:
        try:
            parsed = parse_file(file.path, file.content, namespace=namespace)
        except SpecErrors as wrong:
            errors.extend(wrong.errors)
        else:
            specs.extend(_spec(manifest, snapshot.commit) for manifest in parsed.manifests)
            foreign += parsed.foreign
    return Reading(specs=tuple(specs), errors=tuple(errors), foreign=foreign)


def wanted(reading: Reading, source: GitSource, home: str) -> Wanted:
    """What the source may take of it, whoever else wants it. home: the controller's namespace."""
    errors = list(reading.errors)
    errors.extend(error for spec in reading.specs for error in _not_allowed(spec, source, home))
    errors.extend(_twice(reading.specs))
    want = Wanted(specs=tuple(sorted(reading.specs, key=_order)), foreign=reading.foreign)
    return _less(want, errors, source.on_invalid)


def uncontested(want: Wanted, source: GitSource, rival: Callable[[ObjectRef], Key | None]) -> Wanted:
    """What of it no other source has. rival: the other source that has an object, None for nobody."""
    errors = [
        error_at(spec, f"GitSource {other} applies it already; remove it from one of the two", "")
        for spec in want.specs
        if (other := rival(spec.ref)) is not None
    ]
    return _less(want, [*want.errors, *errors], source.on_invalid) if errors else want


def plan(want: Wanted, owned: Iterable[ObjectRef], *, prune: bool, allowed: bool) -> SyncPlan:
    """What to apply and to delete. prune: the source deletes at all; allowed: a person has let this commit delete.

    A commit that leaves nothing, or takes away more than half of what is there, waits as a whole: it looks like a slip.
    Nothing is deleted while a file is left out: what it holds is not gone from git.
    """
    kept = {spec.ref for spec in want.specs}
    before = tuple(owned)
    gone = tuple(sorted(ref for ref in before if ref not in kept))
    if not gone or not prune or want.skipped:
        return SyncPlan(apply=want.specs)
    why = ""
    if not kept:
        why = f"it holds no spec any more, so all {len(gone)} would be deleted"
    elif 2 * len(gone) > len(before):
        why = f"{len(gone)} of {len(before)} objects would be deleted"
    if why and not allowed:
        return SyncPlan(held=gone, held_why=why)
    return SyncPlan(apply=want.specs, prune=gone)


def _less(want: Wanted, errors: list[SpecError], on_invalid: OnInvalid) -> Wanted:
    """Without what the errors keep out: everything, or their files."""
    errors.sort(key=lambda error: (error.file, error.line, error.path))
    bad = {error.file for error in errors}
    if errors and on_invalid is OnInvalid.KEEP_ALL:
        return replace(want, specs=(), errors=tuple(errors), skipped=())
    good = tuple(spec for spec in want.specs if _file(spec) not in bad)
    return replace(want, specs=good, errors=tuple(errors), skipped=tuple(sorted(bad)))


def _spec(manifest: Manifest, commit: str) -> Spec:
    ref = ObjectRef(kind=manifest.kind, key=manifest.key)
    return Spec(ref=ref, manifest=manifest.obj, place=f"{manifest.file}:{manifest.line}", commit=commit)


def _not_allowed(spec: Spec, source: GitSource, home: str) -> Iterable[SpecError]:
    own = source.key.namespace
    if spec.ref.kind in REFUSED:
        yield error_at(spec, REFUSED[spec.ref.kind], "kind")
    if own in (spec.ref.key.namespace, home):
        return
    if spec.ref.key.namespace:
        message = f"GitSource {source.key} may write only in its own namespace; leave it out or write {own}"
        yield error_at(spec, message, "metadata.namespace")
    else:
        message = f"a {spec.ref.kind} is for the whole cluster: only a GitSource in {home} may hold it; move it there"
        yield error_at(spec, message, "kind")


def _twice(specs: Iterable[Spec]) -> Iterable[SpecError]:
    """An error at each place that defines an object which another place defines too."""
    places: dict[ObjectRef, list[Spec]] = {}
    for spec in specs:
        places.setdefault(spec.ref, []).append(spec)
    for same in places.values():
        for spec in same if len(same) > 1 else ():
            others = ", ".join(other.place for other in same if other is not spec)
            yield error_at(spec, f"is also defined at {others}; remove one of them", "")


def error_at(spec: Spec, message: str, path: str) -> SpecError:
    """What is wrong with a spec, and where in git it stands."""
    return SpecError(message, about=str(spec.ref), path=path, file=_file(spec), line=_line(spec))


def _file(spec: Spec) -> str:
    return spec.place.rpartition(":")[0]


def _line(spec: Spec) -> int:
    return int(spec.place.rpartition(":")[2])


def _order(spec: Spec) -> tuple[bool, ObjectRef]:
    """Rollouts last: what they name is there when they start."""
    return spec.ref.kind == "Rollout", spec.ref
