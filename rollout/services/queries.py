"""How do Rollouts stand, for whoever shows them: the CLI, the API, the dashboard?"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from policies.verdict import Verdict, worst
from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.group import COMMIT, OWNER, OWNER_NAMESPACE, SOURCE
from rollout.manifest.parse import key_of, parse_object
from rollout.manifest.status import status_from_dict
from rollout.model.names import Key
from rollout.model.rollout import Mode, RolloutSpec
from rollout.model.status import Outcome, Past, Phase, Reason, RolloutStatus
from rollout.ports.errors import Forbidden, NotFound
from rollout.ports.objects import Obj, Objects
from rollout.progression.telling import NEEDS_A_PERSON

KIND = "Rollout"
UNREADABLE = "InvalidSpec"  # the code of the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A Rollout as the API server has it. spec: None when it cannot be read; `error` then says why.

    stated: the revision of a spec that was not read because nobody has to. source: file:line in git, commit: the commit that brought it; "" where it did not come from git.
    """

    key: Key
    obj: Obj
    spec: RolloutSpec | None
    status: RolloutStatus
    error: str = ""
    created: datetime | None = None
    generation: int = 0
    source: str = ""
    commit: str = ""
    stated: str = ""

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(self.obj["metadata"].get("uid", ""))

    @property
    def wanted(self) -> str:
        """The revision that git names; "" when the spec cannot be read."""
        return self.spec.revision if self.spec else self.stated

    @property
    def is_seen(self) -> bool:
        """Whether the controller has looked at the newest spec."""
        return self.status.observed_generation >= self.generation

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of the objectives that decide; None while there is none."""
        deciding = [verdict.verdict for verdict in self.status.verdicts if verdict.mode is Mode.DECIDE]
        return worst(deciding) if deciding else None

    @property
    def waits_for_a_person(self) -> Reason | None:
        """The first reason that only a person ends; None when there is none."""
        return next((reason for reason in self.status.reasons if reason.code in NEEDS_A_PERSON), None)

    @property
    def frozen(self) -> Reason | None:
        """The freeze that holds it; None without one."""
        return next((reason for reason in self.status.reasons if reason.code == "Frozen"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened, as Events tell it; the same news told again is counted."""

    code: str
    message: str
    warning: bool
    count: int
    first: datetime
    last: datetime


def standing(obj: Obj) -> Standing:
    """How the Rollout in `obj` stands."""
    status, errors = _status(obj)
    return _standing(obj, status, errors)


def briefly(obj: Obj) -> Standing:
    """As `standing`, for thousands: a spec that the controller has read without complaint is not read again."""
    status, errors = _status(obj)
    is_read = status.observed_generation and status.observed_generation >= int(obj["metadata"].get("generation", 0))
    if errors or not is_read or any(reason.code == UNREADABLE for reason in status.reasons):
        return _standing(obj, status, errors)
    return replace(_told(obj, status), stated=str((obj.get("spec") or {}).get("revision", "")))


def _status(obj: Obj) -> tuple[RolloutStatus, list[str]]:
    try:
        return status_from_dict(obj.get("status") or {}), []
    except SpecError as error:
        return RolloutStatus(), [str(error)]


def _standing(obj: Obj, status: RolloutStatus, errors: list[str]) -> Standing:
    spec = None
    try:
        spec = parse_object(obj)
    except SpecErrors as error:
        errors = ["; ".join(str(one) for one in error.errors), *errors]
    return replace(_told(obj, status), spec=spec, error="; ".join(errors))


def _told(obj: Obj, status: RolloutStatus) -> Standing:
    """All but what the spec says."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    return Standing(
        key=key_of(obj),
        obj=obj,
        spec=None,
        status=status,
        created=_moment(metadata.get("creationTimestamp")),
        generation=int(metadata.get("generation", 0)),
        source=str(annotations.get(SOURCE, "")),
        commit=str(annotations.get(COMMIT, "")) or status.source_commit,
    )


async def rollout(objects: Objects, key: Key) -> Standing:
    """One Rollout; NotFound when there is none."""
    return standing(await objects.get(KIND, key.namespace, key.name))


async def rollouts(objects: Objects, namespace: str = "", selector: str = "") -> tuple[Standing, ...]:
    """All Rollouts, of one namespace if given, by namespace and name; each `briefly`."""
    return tuple(briefly(obj) for obj in await objects.list(KIND, namespace, selector))


async def followed(
    objects: Objects, namespace: str, name: str = "", selector: str = ""
) -> AsyncIterator[tuple[str, Standing]]:
    """Each Rollout as it is, and again on every change, with ADDED, MODIFIED or DELETED; without end."""
    async for change in objects.watch(KIND, namespace, name, selector):
        yield change.type, standing(change.obj)


async def git_trouble(objects: Objects, about: Standing) -> str:
    """Why git's newest commit does not reach the Rollout, as its GitSource says; "" where it does, or nobody knows."""
    labels = about.obj["metadata"].get("labels") or {}
    namespace, name = str(labels.get(OWNER_NAMESPACE, "")), str(labels.get(OWNER, ""))
    if not namespace or not name:
        return ""
    try:
        source = await objects.get("GitSource", namespace, name)
    except (NotFound, Forbidden):
        return ""
    said = (source.get("status") or {}).get("conditions") or ()
    waiting = (str(one.get("message", "")) for one in said if one["type"] == "Ready" and one["status"] == "False")
    return next((f"GitSource {namespace}/{name}: {message}" for message in waiting), "")


async def news(objects: Objects, about: Standing) -> tuple[News, ...]:
    """What happened to a Rollout, oldest first; a former Rollout of the same name does not count."""
    events = await objects.list("Event", about.key.namespace)
    return merged(told for event in events if (told := told_of(event, about)) is not None)


def told_of(event: Obj, about: Standing) -> News | None:
    """The news in an Event of events.k8s.io/v1; None when it is about something else."""
    regarding = event.get("regarding") or {}
    if (regarding.get("kind"), regarding.get("name")) != (KIND, about.key.name):
        return None
    if regarding.get("uid") not in (None, "", about.uid):
        return None
    series = event.get("series") or {}
    first = _moment(event.get("eventTime") or event.get("deprecatedFirstTimestamp"))
    first = first or _moment(event["metadata"].get("creationTimestamp"))
    if first is None:
        return None
    return News(
        code=str(event.get("reason", "")),
        message=str(event.get("note", "")),
        warning=event.get("type") == "Warning",
        count=int(series.get("count") or event.get("deprecatedCount") or 1),
        first=first,
        last=_moment(series.get("lastObservedTime") or event.get("deprecatedLastTimestamp")) or first,
    )


def merged(told: Iterable[News]) -> tuple[News, ...]:
    """News by time, the same ones that follow each other as one."""
    found: list[News] = []
    for one in sorted(told, key=lambda item: (item.first, item.last, item.code)):
        before = found[-1] if found else None
        if before is not None and (before.code, before.message) == (one.code, one.message):
            found[-1] = replace(before, count=before.count + one.count, last=max(before.last, one.last))
        else:
            found.append(one)
    return tuple(sorted(found, key=lambda item: (item.last, item.first)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How what was waited for ended."""

    is_good: bool
    message: str


def ended(now: Standing, run: int | None) -> Ended | None:
    """How run number `run` ended, or None while it has not; a superseded run is followed by the one that took its place.

    run: None where no run was in hand: then it is over when git's revision serves, or has failed.
    """
    status = now.status
    if not now.is_seen:
        return None
    past = next((past for past in status.history if past.run == run), None)
    if run is not None and past is not None and past.outcome is not Outcome.SUPERSEDED:
        return _outcome(past)
    if status.run is not None or (run is not None and past is None and status.runs == run):
        return None
    newest = status.history[0] if status.history else None
    if past is not None and newest is not None and newest.run != past.run:
        return _outcome(newest)
    if status.phase is Phase.FAILED and status.failed is not None:
        return Ended(is_good=False, message=f"{now.wanted} failed: {newest.message if newest else ''}".rstrip(": "))
    if status.stable is not None and status.stable.name == now.wanted:
        return Ended(is_good=True, message=f"{now.wanted} is stable")
    return None


def _outcome(past: Past) -> Ended:
    message = f"run {past.run}: {past.revision} {past.outcome.value}: {past.message}"
    return Ended(is_good=past.outcome is Outcome.PROMOTED, message=message)


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def condition_of(obj: Mapping[str, Any], kind: str) -> str:
    """The status of a condition as the object has it: True, False, Unknown; "" when it is not there."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((str(item.get("status", "")) for item in conditions if item.get("type") == kind), "")
