"""What of a MeshMigration has not been told yet?

The mark holds one short item for each thing that is so and was told: how far a namespace is, and each reason that holds
it. What is so now and has no item there is news; what came and went while nobody could be told is not.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.migration.decide import QUIET
from rollout.migration.stages import FORWARD
from rollout.migration.telling import NEEDS_A_PERSON
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.news import News
from rollout.model.notifier import Severity
from rollout.model.status import Reason

_NOTHING = "-"
_WAITS = "!"  # begins the item of what waits for a person
# How far a namespace is, as far as people follow it: the first of the stages that each word covers.
_MILESTONES = (
    (Stage.DONE, "NamespaceDone", "{name} is done: STRICT, and watched for long enough"),
    (Stage.STRICT, "NamespaceStrict", "{name} takes no plaintext any more"),
    (Stage.PERMISSIVE, "NamespaceInMesh", "{name} is in the mesh and still takes plaintext"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What was told. items: sorted; count: of news told so far."""

    items: tuple[str, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        return f"m{self.count} {','.join(self.items) or _NOTHING}"


def mark_from(text: str) -> Mark | None:
    """The Mark whose text it is; None when it is none of ours."""
    count, _, items = text.partition(" ")
    if not items or not count.startswith("m") or not count[1:].isdigit():
        return None
    return Mark(items=() if items == _NOTHING else tuple(items.split(",")), count=int(count[1:]))


def unmarked(status: MigrationStatus, since: datetime) -> Mark:
    """The mark of a migration of which nothing was told, where what came about up to `since` is not to be told."""
    old = (one for one in _standing(status) if not one.needs_person and one.at is not None and one.at <= since)
    return Mark(items=tuple(sorted(_item(one) for one in old)))


def news(mark: Mark, status: MigrationStatus) -> tuple[News, ...]:
    """What is not told yet: first what is over, then the fleet, then the namespaces by name."""
    standing = {_item(one): one for one in _standing(status)}
    items = {item for item in mark.items if item in standing}
    over = sum(item.startswith(_WAITS) for item in mark.items if item not in standing)
    found: list[News] = []
    count = mark.count

    def add(one: News, key: str) -> None:
        nonlocal count
        count += 1
        found.append(replace(one, key=key, mark=str(Mark(items=tuple(sorted(items)), count=count))))

    if over:
        sentence = f"{over} {'waits' if over > 1 else 'wait'} for a person over: {status.next or 'it goes on'}"
        add(News(code="WaitOver", sentence=sentence, key="", mark="", ends=True), f"over {over} {count}")
    for item, one in standing.items():
        if item not in items:
            items.add(item)
            add(one, f"{one.key} {count}")
    return tuple(found)


def _standing(status: MigrationStatus) -> Iterator[News]:
    """All that is so and that people are told of; `key` tells one from the other."""
    for reason in status.reasons:
        yield _held("", reason, f"{reason.code} {reason.message}", None)
    for one in sorted(status.namespaces, key=lambda one: one.name):
        reached = _milestone(one)
        if reached is not None:
            yield reached
        for reason in one.reasons:
            if reason.code not in QUIET:
                began = f"{one.since and int(one.since.timestamp())} {one.fallbacks}"
                yield replace(_held(one.name, reason, f"{reason.code} {began}", one.since), phase=one.stage.value)
    done = next((one for one in status.conditions if one.type == "Ready" and one.status == "True"), None)
    if done is not None:
        yield News(code="AllDone", sentence=f"{done.message} are done", key="all done", mark="", at=done.since)


def _milestone(one: NamespaceStatus) -> News | None:
    """How far the namespace is; None aside of the way, and before the mesh."""
    if one.stage not in FORWARD:
        return None
    for stage, code, sentence in _MILESTONES:
        if FORWARD.index(one.stage) >= FORWARD.index(stage):
            key = f"{one.name} {code}"
            text = sentence.format(name=one.name)
            return News(code=code, sentence=text, key=key, mark="", phase=one.stage.value, at=one.since)
    return None


def _held(namespace: str, reason: Reason, key: str, since: datetime | None) -> News:
    return News(
        code=reason.code,
        sentence=f"{namespace}: {reason.message}" if namespace else reason.message,
        key=f"{namespace} {key}",
        mark="",
        severity=Severity.WARNING if reason.warning else Severity.INFO,
        at=since,
        needs_person=reason.code in NEEDS_A_PERSON,
    )


def _item(one: News) -> str:
    digest = hashlib.blake2s(one.key.encode(), digest_size=4).hexdigest()
    return f"{_WAITS if one.needs_person else ''}{digest}"
