"""How are shared objectives written, and what do they add to a Rollout?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from rollout.manifest.errors import Problem, SpecError
from rollout.manifest.fields import Form
from rollout.manifest.objective import (
    MAX_OBJECTIVES,
    NOTHING_PACES,
    ObjectiveForm,
    decides,
    objective,
    objective_for,
    objective_problems,
    paces,
)
from rollout.model.names import Key
from rollout.model.rollout import Objective, RolloutSpec


class SloPolicyForm(Form):
    """Objectives that any number of Rollouts may name."""

    objectives: Annotated[list[ObjectiveForm], Field(min_length=1, max_length=MAX_OBJECTIVES)] = Field(
        description="Limits that judge the canary of every Rollout that names this policy."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SloPolicy:
    """Named objectives; their placeholders are filled for each Rollout that names the policy."""

    key: Key
    objectives: tuple[Objective, ...]


def slo_policy_problems(form: SloPolicyForm) -> Iterator[Problem]:
    """What is wrong between its objectives."""
    return objective_problems(form.objectives, ("spec", "objectives"))


def slo_policy(form: SloPolicyForm, key: Key) -> SloPolicy:
    """The policy; only for a form without problems."""
    return SloPolicy(key=key, objectives=tuple(objective(entry) for entry in form.objectives))


def with_policies(spec: RolloutSpec, policies: Mapping[str, SloPolicy]) -> RolloutSpec | SpecError:
    """`spec` with the objectives of the policies it names behind its own, in the order it names them.

    policies: those of the Rollout's namespace, by name. A SpecError when one is missing, a name is there twice, nothing
    decides, or nothing can choose the weights of `auto`.
    """
    if not spec.policies:
        return spec
    objectives = {entry.name: entry for entry in spec.objectives}
    for name in spec.policies:
        policy = policies.get(name)
        if policy is None:
            return _wrong(spec, f"there is no SloPolicy {name} in {spec.key.namespace}; create it or take it out")
        for entry in policy.objectives:
            if entry.name in objectives:
                return _wrong(spec, f"objective {entry.name} of SloPolicy {name} is there already; rename one")
            objectives[entry.name] = objective_for(entry, spec.key)
    merged = tuple(objectives.values())
    if not decides(merged):
        return _wrong(spec, "every objective only observes; let one decide, or write `objectives: []` and no policies")
    if spec.auto is not None and not paces(merged):
        return _wrong(spec, NOTHING_PACES)
    return replace(spec, objectives=merged)


def _wrong(spec: RolloutSpec, message: str) -> SpecError:
    return SpecError(message, about=str(spec.key), path="spec.policies", file=spec.source)
