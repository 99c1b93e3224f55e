"""How are objectives written, and which limits do they set?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from rollout.durations import duration
from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Duration, Form, Name, Number, Percent, PromQL, placed, rules
from rollout.manifest.placeholders import unknown_placeholders
from rollout.manifest.quantities import ratio
from rollout.model.names import Key
from rollout.model.rollout import ErrorRatio, Method, Mode, Objective, Query, SlowRatio

MAX_OBJECTIVES = 20
MAX_LOOKS = 20
NOTHING_PACES = (
    "auto needs an error-ratio or slow-ratio that decides by method sequential; nothing else can choose the weights: "
    "add one, or write steps"
)


@dataclass(frozen=True, slots=True)
class _Fields:
    required: tuple[str, ...]
    allowed: tuple[str, ...]


_KINDS = {
    "error-ratio": _Fields(("max",), ("max", "selector", "method")),
    "slow-ratio": _Fields(("threshold", "max"), ("threshold", "max", "selector", "method")),
    "query": _Fields(("query",), ("query", "above", "below", "failures", "looks", "worse_than_stable")),
}
_OF_SOME_KINDS = tuple(dict.fromkeys(field for fields in _KINDS.values() for field in fields.allowed))


Looks = Annotated[int, Field(ge=1, le=MAX_LOOKS)]


class ObjectiveForm(Form):
    """A limit on one measured number."""

    model_config = rules(
        (
            (
                "self.kind == 'query' ? has(self.query) && (has(self.above) || has(self.below))"
                " && !has(self.max) && !has(self.threshold) && !has(self.selector) && !has(self.method)"
                " : has(self.max) && !has(self.query) && !has(self.above) && !has(self.below)"
                " && !has(self.failures) && !has(self.looks) && !has(self.worseThanStable)"
                " && has(self.threshold) == (self.kind == 'slow-ratio')"
            ),
            "error-ratio has max; slow-ratio has threshold and max; query has query and above or below",
        ),
        (
            "(has(self.failures) ? self.failures : 1) <= (has(self.looks) ? self.looks : 1)",
            "failures is at most looks",
        ),
        (
            "!has(self.worseThanStable) || !has(self.query) || self.query.contains('{revision}')",
            "worseThanStable needs {revision} in the query, or both sides are one number",
        ),
        (
            (
                "!has(self.selector) || self.kind == 'query' || self.selector.contains('{revision}')"
                " || (has(self.method) && self.method == 'threshold')"
            ),
            "a selector needs {revision} beside stable, or both sides are one number",
        ),
        (
            "!has(self.above) || !has(self.below) || double(self.above) < double(self.below)",
            "above is less than below",
        ),
        ("!has(self.threshold) || duration(self.threshold) > duration('0s')", "threshold is longer than 0s"),
    )

    name: Name = Field(description="Its name in verdicts and messages, unique in the Rollout.")
    kind: Literal["error-ratio", "slow-ratio", "query"] = Field(
        description="error-ratio: part of requests that fail. slow-ratio: part of requests slower than threshold. "
        "query: free PromQL with one value."
    )
    mode: Literal["decide", "observe"] = Field(
        default="decide", description="observe judges and shows, but never decides."
    )
    method: Literal["sequential", "threshold"] | None = Field(
        default=None,
        description="How a ratio is judged. sequential, also when absent: by the evidence of the whole run, beside "
        "stable. threshold: by one window, against max alone.",
    )
    max: Percent | None = Field(default=None, description='The largest part that passes, such as "1%".')
    threshold: Duration | None = Field(default=None, description="Slower than this is slow, such as 500ms.")
    selector: PromQL | None = Field(
        default=None, description="PromQL matchers in the place of the built-in ones; {revision}, {namespace}, {name}."
    )
    query: PromQL | None = Field(
        default=None, description="PromQL with one value; placeholders {revision}, {namespace} and {name}."
    )
    above: Number | None = Field(default=None, description='The value must be above this, such as "3".')
    below: Number | None = Field(default=None, description='The value must be below this, such as "0.25".')
    failures: Looks | None = Field(
        default=None, description="A query has failed when this many of the last `looks` did; 1 when absent."
    )
    looks: Looks | None = Field(
        default=None, description="How many of a query's last values count, one each interval; 1 when absent."
    )
    worse_than_stable: Percent | None = Field(
        default=None,
        description="By which part of stable's value the canary's may be worse, such as \"20%\": lower is worse with "
        "above, higher with below.",
    )


Objectives = Annotated[list[ObjectiveForm], Field(max_length=MAX_OBJECTIVES)]


def objective_problems(forms: Sequence[ObjectiveForm], at: Path) -> Iterator[Problem]:
    """What is wrong between the fields of these objectives, and between them."""
    first: dict[str, int] = {}
    for index, form in enumerate(forms):
        path = (*at, index)
        if form.name in first:
            message = f"objective {form.name} is here twice, also as {at[-1]}[{first[form.name]}]; rename one"
            yield Problem(path=(*path, "name"), message=message)
        first.setdefault(form.name, index)
        yield from _fields_problems(form, path)
        for field in ("selector", "query"):
            yield from unknown_placeholders(getattr(form, field) or "", (*path, field))


def _fields_problems(form: ObjectiveForm, path: Path) -> Iterator[Problem]:
    fields = _KINDS[form.kind]
    given = [field for field in _OF_SOME_KINDS if field in _set(form)]
    for field in fields.required:
        if field not in given:
            yield Problem(path=path, message=f"objective {form.name}: {form.kind} needs {field}")
    for field in given:
        if field not in fields.allowed:
            allowed = ", ".join(map(to_camel, fields.allowed))
            message = f"objective {form.name}: {form.kind} has no {to_camel(field)}, only {allowed}"
            yield Problem(path=(*path, to_camel(field)), message=message)
    yield from _limit_problems(form, path)
    yield from _looks_problems(form, path) if form.kind == "query" else _selector_problems(form, path)


def _limit_problems(form: ObjectiveForm, path: Path) -> Iterator[Problem]:
    if form.kind == "query" and form.above is None and form.below is None:
        yield Problem(path=path, message=f"objective {form.name}: a query needs above or below, or both")
    if form.above is not None and form.below is not None and float(form.above) >= float(form.below):
        message = f"objective {form.name}: nothing is above {form.above} and below {form.below}"
        yield Problem(path=(*path, "above"), message=message)
    if form.threshold is not None and not duration(form.threshold):
        yield Problem(path=(*path, "threshold"), message=f"objective {form.name}: threshold must be longer than 0s")


def _looks_problems(form: ObjectiveForm, path: Path) -> Iterator[Problem]:
    failures, looks = form.failures or 1, form.looks or 1
    if failures > looks:
        message = f"objective {form.name}: {failures} failures cannot be among {looks} looks; raise looks"
        yield Problem(path=(*path, "failures"), message=message)
    if form.worse_than_stable is not None and "{revision}" not in (form.query or ""):
        message = (
            f"objective {form.name}: worseThanStable compares two revisions, but the query does not hold {{revision}}, "
            'so both would give one number; write version="{revision}" in it'
        )
        yield Problem(path=(*path, "worseThanStable"), message=message)


def _selector_problems(form: ObjectiveForm, path: Path) -> Iterator[Problem]:
    if form.selector and form.method != "threshold" and "{revision}" not in form.selector:
        message = (
            f"objective {form.name}: it is judged beside stable, but the selector does not hold {{revision}}, so both would "
            'be one number; write version="{revision}" in it, or method: threshold'
        )
        yield Problem(path=(*path, "selector"), message=message)


def _set(form: ObjectiveForm) -> set[str]:
    return {field for field in form.model_fields_set if getattr(form, field) is not None}


def objective(form: ObjectiveForm) -> Objective:
    """The model's objective, placeholders as written; only for a form without problems."""
    mode = Mode(form.mode)
    method = Method(form.method or Method.SEQUENTIAL)
    selector = form.selector or ""
    if form.kind == "error-ratio":
        return ErrorRatio(name=form.name, max_ratio=ratio(form.max or ""), selector=selector, mode=mode, method=method)
    if form.kind == "slow-ratio":
        return SlowRatio(
            name=form.name,
            threshold=duration(form.threshold or ""),
            max_ratio=ratio(form.max or ""),
            selector=selector,
            mode=mode,
            method=method,
        )
    return Query(
        name=form.name,
        query=form.query or "",
        above=None if form.above is None else float(form.above),
        below=None if form.below is None else float(form.below),
        mode=mode,
        failures=form.failures or 1,
        looks=form.looks or 1,
        worse_than_stable=None if form.worse_than_stable is None else ratio(form.worse_than_stable),
    )


def objective_for(wanted: Objective, key: Key) -> Objective:
    """`wanted` with `{namespace}` and `{name}` replaced by those of the Rollout it judges."""
    match wanted:
        case Query():
            return replace(wanted, query=placed(wanted.query, key))
        case ErrorRatio() | SlowRatio():
            return replace(wanted, selector=placed(wanted.selector, key))


def decides(objectives: Sequence[Objective]) -> bool:
    """Whether at least one of them decides."""
    return any(entry.mode is Mode.DECIDE for entry in objectives)


def paces(objectives: Sequence[Objective]) -> bool:
    """Whether at least one of them can choose the weights of `auto`: it decides, and gathers evidence over the run."""
    return any(
        entry.mode is Mode.DECIDE and entry.method is Method.SEQUENTIAL
        for entry in objectives
        if not isinstance(entry, Query)
    )
