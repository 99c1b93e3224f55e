"""What is wrong between the fields of a Rollout, each of them being right by itself?"""

import re
from collections.abc import Iterator

from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.fields import LABEL, LABEL_VALUE, MAX_LABEL, MAX_NAME, MOST_STEPS, SERVICE, SUBDOMAIN
from rollout.manifest.hooks import webhook_problems
from rollout.manifest.objective import NOTHING_PACES, decides, objective, objective_problems, paces
from rollout.manifest.rollout import RampForm, RolloutForm, expanded, rollout_spec
from rollout.model.names import Key
from rollout.model.rollout import SubsetBackend

_SPEC: Path = ("spec",)
_SHAPES = {
    SERVICE: "lower-case letters, digits and dashes, a letter first and no dash at the end",
    LABEL: "lower-case letters, digits and dashes, no dash at either end",
    SUBDOMAIN: "lower-case letters, digits, dashes and dots, a letter or digit around each dot and at either end",
    LABEL_VALUE: "letters, digits, dashes, dots and underscores, a letter or digit at either end",
}


def rollout_problems(form: RolloutForm, key: Key) -> list[Problem]:
    """All of them, in the order of the spec's fields."""
    structural = [*_backend(form), *_routes(form), *_steps(form), *_objectives(form)]
    structural += webhook_problems(form.webhooks, (*_SPEC, "webhooks"))
    return structural or list(_names(form, key))


def _backend(form: RolloutForm) -> Iterator[Problem]:
    path = (*_SPEC, "backend")
    if (form.backend.service is None) == (form.backend.subset is None):
        yield Problem(path=path, message="backend needs exactly one of service and subset")
        return
    subset = form.backend.subset
    if subset and not any("{revision}" in value for value in subset.labels.values()):
        message = 'no label holds {revision}, so every subset would select the same pods; write version: "{revision}"'
        yield Problem(path=(*path, "subset", "labels"), message=message)


def _routes(form: RolloutForm) -> Iterator[Problem]:
    seen: dict[tuple[str, str], int] = {}
    for index, route in enumerate(form.routes):
        path = (*_SPEC, "routes", index)
        name = f"{route.kind}/{route.name}"
        if (route.kind, route.name) in seen:
            first = seen[route.kind, route.name]
            yield Problem(path=path, message=f"{name} is here twice, also as routes[{first}]; join their `only`")
        seen.setdefault((route.kind, route.name), index)
        if route.kind == "TrafficSplit" and route.only is not None:
            yield Problem(path=(*path, "only"), message=f"{name} has no named routes; leave `only` out")
        if route.only is not None and len(set(route.only)) < len(route.only):
            yield Problem(path=(*path, "only"), message=f"{name} lists a route twice")
        if form.backend.subset and route.kind != "VirtualService":
            message = f"{name} cannot name subsets, only a VirtualService can; use backend.service"
            yield Problem(path=(*path, "kind"), message=message)


def _steps(form: RolloutForm) -> Iterator[Problem]:
    steps = form.steps or []
    if (form.steps is None) == (form.auto is None):
        yield Problem(path=_SPEC, message="spec needs exactly one of steps and auto")
    for index, step in enumerate(steps):
        path = (*_SPEC, "steps", index)
        if (step.weight is None) == (step.ramp is None):
            yield Problem(path=path, message="a step needs exactly one of weight and ramp")
        elif step.ramp is not None:
            yield from _ramp(step.ramp, (*path, "ramp"))
        gate = "approval" if step.approval is not None else "approvals" if step.approvals is not None else ""
        if gate and form.workload is None:
            message = "a step with approval needs spec.workload: an approval is for one pod template"
            yield Problem(path=(*path, gate), message=message)
        if step.approval is not None and step.approvals is not None:
            yield Problem(path=(*path, "approvals"), message="approval or approvals, not both")
        if step.approvals is not None and len(set(step.approvals)) < len(step.approvals):
            yield Problem(path=(*path, "approvals"), message="a policy is here twice; one of them is enough")
    count = sum(len(expanded([step])) for step in steps)
    if count > MOST_STEPS:
        message = f"the plan has {count} steps with its ramps written out, at most {MOST_STEPS} are allowed"
        yield Problem(path=(*_SPEC, "steps"), message=message)


def _ramp(ramp: RampForm, path: Path) -> Iterator[Problem]:
    if ramp.from_ > ramp.to:
        message = f"a ramp goes up: from {ramp.from_} is more than to {ramp.to}; write falling weights as steps"
        yield Problem(path=(*path, "from"), message=message)


def _objectives(form: RolloutForm) -> Iterator[Problem]:
    path = (*_SPEC, "objectives")
    if form.objectives is None and not form.policies:
        message = "nothing judges the canary: write objectives or policies, or `objectives: []` to promote unjudged"
        yield Problem(path=_SPEC, message=message)
    found = list(objective_problems(form.objectives or [], path))
    yield from found
    if not found and not form.policies:
        yield from _alone(form, path)
    policies = form.policies or []
    for index, name in enumerate(policies):
        if name in policies[:index]:
            yield Problem(path=(*_SPEC, "policies", index), message=f"policy {name} is here twice")


def _alone(form: RolloutForm, path: Path) -> Iterator[Problem]:
    """Whether the Rollout's own objectives suffice where no policy adds to them."""
    objectives = [objective(entry) for entry in form.objectives or []]
    if objectives and not decides(objectives):
        message = "every objective only observes; let one decide, or write `objectives: []` to promote unjudged"
        yield Problem(path=path, message=message)
    elif form.auto is not None and not paces(objectives):
        yield Problem(path=(*_SPEC, "auto"), message=NOTHING_PACES)


def _names(form: RolloutForm, key: Key) -> Iterator[Problem]:
    """Names that the revision makes must be ones that the API server takes."""
    spec = rollout_spec(form, key)
    backend = spec.backend_of(spec.revision)
    path = (*_SPEC, "backend")
    if isinstance(spec.backend, SubsetBackend):
        path = (*path, "subset")
        yield from _named(backend.service, SERVICE, MAX_LABEL, (*path, "host"))
        yield from _named(backend.subset, LABEL, MAX_LABEL, (*path, "name"))
        for name, value in spec.labels_of(spec.revision):
            if value:
                yield from _named(value, LABEL_VALUE, MAX_LABEL, (*path, "labels", name))
    else:
        yield from _named(backend.service, SERVICE, MAX_LABEL, (*path, "service"))
    workload = spec.workload_of(spec.revision)
    if workload is not None:
        yield from _named(workload.name, SUBDOMAIN, MAX_NAME, (*_SPEC, "workload", "name"))
    if spec.stable is not None:
        yield from _named(spec.stable.service, SERVICE, MAX_LABEL, (*_SPEC, "stable", "service"))
    for index, route in enumerate(spec.routes):
        yield from _named(route.name, SUBDOMAIN, MAX_NAME, (*_SPEC, "routes", index, "name"))


def _named(name: str, pattern: str, most: int, path: Path) -> Iterator[Problem]:
    if len(name) > most:
        yield Problem(
            path=path, message=f"{path[-1]} would be {name}: {len(name)} characters, at most {most} are allowed"
        )
    elif not re.fullmatch(pattern, name):
        message = (
            f"{path[-1]} would be {name}, which the API server does not take as a name; expected {_SHAPES[pattern]}"
        )
        yield Problem(path=path, message=message)
