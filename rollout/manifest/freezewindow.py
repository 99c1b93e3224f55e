"""How is a FreezeWindow written, and when does it hold?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from policies.periods import parsed
from rollout.durations import duration
from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Between, Duration, Form, Text, Words, one_line, rules
from rollout.manifest.people import (
    ApproversForm,
    Labels,
    People,
    approvers,
    approvers_problems,
    labels,
    people,
    people_problems,
)
from rollout.model.freeze import FreezeWindow, Once, Overrun, Recurring
from rollout.model.names import Key

MOST_WINDOWS = 50
EVERYWHERE = "*"
_ONE = "exactly one of schedule (with duration) and from (with to)"
Cron = Annotated[str, Text('five fields of cron, such as "0 18 * * fri"', r"^\S+( +\S+){4}$", 100)]
Zone = Annotated[str, Text("a time zone such as Europe/Berlin", r"^[A-Za-z0-9_+/-]+$", 64)]
Moment = Annotated[
    str,
    Text(
        'a moment such as "2026-12-24T00:00:00Z", with its offset',
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$",
        25,
    ),
]
Reach = Annotated[str, Text('a namespace, or "*"', r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$", 63)]


class WindowForm(Form):
    """One window: one that comes again, or one between two moments."""

    model_config = rules(
        (
            "has(self.schedule) ? has(self.duration) && !has(self.from) && !has(self.to) : has(self.from) && has(self.to)",
            _ONE,
        ),
        ("!has(self.from) || !has(self.to) || timestamp(self.from) < timestamp(self.to)", "to is after from"),
    )

    schedule: Cron | None = Field(default=None, description="When it begins: minute, hour, day, month, weekday.")
    duration: Annotated[Duration, Between("1m", "744h")] | None = Field(default=None, description="How long it lasts.")
    time_zone: Zone = Field(default="UTC", description="The clock on the wall that schedule means.")
    from_: Moment | None = Field(default=None, alias="from", description="The moment it begins.")
    to: Moment | None = Field(default=None, description="The moment it ends.")


class FreezeWindowForm(Form):
    """Nothing is started or raised in these windows; what lowers a risk is never held."""

    windows: Annotated[list[WindowForm], Field(min_length=1, max_length=MOST_WINDOWS)] = Field(description="When.")
    selector: Labels | None = Field(
        default=None, description="Labels that an object must have; all are meant when absent."
    )
    namespaces: Annotated[list[Reach], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description='Namespaces that are meant, "*" for all; only a window in the controller\'s namespace has them.',
    )
    overrun: Literal["finish", "hold"] = Field(
        default="finish", description="finish: a run in hand goes on. hold: it keeps its weight."
    )
    override: ApproversForm | None = Field(
        default=None, description="Who may go on in it, with a reason; nobody when absent."
    )
    people: People | None = Field(default=None, description="Identities that are one person.")
    reason: Words | None = Field(default=None, description="Why, for people.")


def freeze_window_problems(form: FreezeWindowForm) -> Iterator[Problem]:
    """What is wrong between its fields."""
    for index, window in enumerate(form.windows):
        yield from _window_problems(window, ("spec", "windows", index))
    if form.override is not None:
        yield from approvers_problems(form.override, ("spec", "override"))
    yield from people_problems(form.people, ("spec", "people"))


def _window_problems(window: WindowForm, path: Path) -> Iterator[Problem]:
    recurring, once = (window.schedule, window.duration), (window.from_, window.to)
    if not ((all(recurring) and not any(once)) or (all(once) and not any(recurring))):
        yield Problem(path=path, message=_ONE)
        return
    if window.schedule is not None:
        try:
            parsed(window.schedule)
        except ValueError as error:
            yield Problem(path=(*path, "schedule"), message=str(error))
        try:
            ZoneInfo(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            yield Problem(
                path=(*path, "timeZone"),
                message=f"time zone {window.time_zone} is not known; write one such as Europe/Berlin",
            )
        return
    try:
        start, end = datetime.fromisoformat(str(window.from_)), datetime.fromisoformat(str(window.to))
    except ValueError as error:
        yield Problem(path=path, message=f"{error}; write moments such as 2026-12-24T00:00:00Z")
        return
    if start >= end:
        yield Problem(path=(*path, "to"), message=f"to is not after from ({window.from_})")


def freeze_window(form: FreezeWindowForm, key: Key) -> FreezeWindow:
    """The window; only for a form without problems."""
    return FreezeWindow(
        key=key,
        windows=tuple(_window(one) for one in form.windows),
        labels=labels(form.selector),
        reach=tuple(form.namespaces or ()),
        overrun=Overrun(form.overrun),
        override=approvers(form.override) if form.override else None,
        people=people(form.people),
        reason=one_line(form.reason or ""),
    )


def _window(form: WindowForm) -> Recurring | Once:
    if form.schedule is not None and form.duration is not None:
        return Recurring(schedule=form.schedule, duration=duration(form.duration), zone=ZoneInfo(form.time_zone))
    return Once(start=datetime.fromisoformat(str(form.from_)), end=datetime.fromisoformat(str(form.to)))
