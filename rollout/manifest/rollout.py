"""How is a Rollout written, and which RolloutSpec does it mean?"""

from typing import Annotated, Literal

from pydantic import Field

from rollout.durations import duration
from rollout.manifest.fields import (
    LABEL,
    LABEL_NAME,
    MAX_LABEL,
    PERCENTAGES,
    Between,
    Duration,
    Form,
    LabelValue,
    Name,
    ObjectName,
    Percent,
    PlacedName,
    Revision,
    ServiceName,
    ServicePerRevision,
    SubsetPerRevision,
    Text,
    WholePercent,
    WorkloadPerRevision,
    placed,
    rules,
)
from rollout.manifest.hooks import HOOK_NAMES, Webhooks, webhooks
from rollout.manifest.laws import PLAN_AND_JUDGES, REVISION_NAMES, ROUTES_AND_BACKEND
from rollout.manifest.objective import Objectives, objective, objective_for
from rollout.manifest.quantities import ratio
from rollout.model.names import BackendName, Key
from rollout.model.rollout import (
    Analysis,
    Auto,
    Backend,
    OnInconclusive,
    RolloutSpec,
    RouteRef,
    ServiceBackend,
    Step,
    SubsetBackend,
    WorkloadRef,
)

MAX_STEPS = 50  # entries of the plan as written; a ramp may make more of them
MAX_ROUTES = 16
Weight = Annotated[int, Field(ge=1, le=100)]
RouteName = Annotated[str, Text("the name of a route inside the object", "", 253)]
LabelName = Annotated[str, Text("the name of a label", LABEL_NAME, 253)]


class SubsetForm(Form):
    """Subsets of one host, in a DestinationRule that the controller keeps."""

    model_config = rules(
        (
            "self.labels.exists(one, self.labels[one].contains('{revision}'))",
            "one of the labels holds {revision}, or every subset selects the same pods",
        )
    )

    host: ServiceName = Field(description="The Service whose pods are divided.")
    name: SubsetPerRevision = Field(description="The subset's name, with {revision} in it.")
    labels: dict[LabelName, LabelValue] = Field(
        min_length=1, max_length=8, description="Pod labels of a revision; one of the values holds {revision}."
    )


class BackendForm(Form):
    """How the mesh addresses a revision: exactly one of service and subset."""

    model_config = rules(("has(self.service) != has(self.subset)", "exactly one of service and subset"))

    service: ServicePerRevision | None = Field(
        default=None, description="One Service per revision: checkout-{revision}."
    )
    subset: SubsetForm | None = Field(default=None, description="One subset per revision.")


class StableForm(Form):
    """What serves users before the first run, where it cannot be read from the routes."""

    service: ServiceName = Field(description="The Service that serves users now.")
    subset: Annotated[str, Text("the name of a subset", LABEL, MAX_LABEL)] | None = Field(
        default=None, description="The subset of it that does."
    )


class WorkloadForm(Form):
    """The workload of each revision."""

    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = Field(description="What runs the pods.")
    name: WorkloadPerRevision = Field(description="Its name, with {revision} in it.")


class RouteForm(Form):
    """An object that splits this service's traffic."""

    model_config = rules(
        ("self.kind != 'TrafficSplit' || !has(self.only)", "a TrafficSplit has no named routes"),
        (
            "!has(self.only) || self.only.all(one, self.only.exists_one(other, other == one))",
            "`only` names a route once",
        ),
    )

    kind: Literal["VirtualService", "TrafficSplit", "HTTPRoute", "GRPCRoute"] = Field(
        description="What kind of object it is."
    )
    name: PlacedName = Field(description="Its name, in the Rollout's namespace.")
    only: Annotated[list[RouteName], Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="Names of the routes in it that are meant; all of them when absent."
    )


class RampForm(Form):
    """Steps from one weight to another; the last one is `to`, also where `by` would step over it."""

    model_config = rules(("self.from <= self.to", "a ramp goes up: from is at most to"))

    from_: Weight = Field(alias="from", description="The first weight, in percent.")
    to: Weight = Field(description="The last weight, in percent.")
    by: Weight = Field(description="How much each step adds, in percent.")


class StepForm(Form):
    """One entry of the plan; the order of the list is the order of the steps."""

    model_config = rules(
        ("has(self.weight) != has(self.ramp)", "exactly one of weight and ramp"),
        ("!(has(self.approval) && has(self.approvals))", "approval or approvals, not both"),
    )

    weight: Weight | None = Field(
        default=None, description="Percent of requests to the canary, 1 to 100; promotion itself needs no step."
    )
    ramp: RampForm | None = Field(default=None, description="Several steps at once, each with this soak and approval.")
    soak: Duration = Field(default="0s", description="Least time in the step, such as 5m.")
    approval: Name | None = Field(default=None, description="The policy that must approve before the step ends.")
    approvals: Annotated[list[Name], Field(min_length=1, max_length=10)] | None = Field(
        default=None, description="Several policies, all of which must approve."
    )


class AutoForm(Form):
    """The sequential judge chooses the weights and how long each of them lasts."""

    max: Annotated[int, Field(ge=1, le=99)] = Field(
        default=50, description="The highest weight before promotion, in percent."
    )
    min_duration: Annotated[Duration, Between("0s", "168h")] = Field(
        default="5m", description="A run takes no less time than this, however fast the evidence comes."
    )


class AnalysisForm(Form):
    """How often and how strictly objectives are judged."""

    interval: Annotated[Duration, Between("1s", "1h")] = Field(default="15s", description="Time between two looks.")
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=50, description="Fewer requests than this are no evidence."
    )
    false_rollback: Annotated[Percent, Between("0.01%", "20%", PERCENTAGES)] = Field(
        default="1%",
        description="The chance that a run rolls back a healthy canary, over all its sequential objectives and looks.",
    )
    harm_budget: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=30, description="Bad requests that you accept at the next weight before a rollback."
    )
    on_inconclusive: Literal["hold", "rollback"] = Field(
        default="hold", description="What happens when evidence is missing for stepDeadline."
    )
    step_deadline: Annotated[Duration, Between("1s", "2160h")] = Field(
        default="2h", description="How long evidence may be missing."
    )
    bake: Duration = Field(default="0s", description="How long 100 % is judged before it is stable.")


class RolloutForm(Form):
    """The wanted release of one service and how traffic gets to it."""

    model_config = rules(*PLAN_AND_JUDGES, *ROUTES_AND_BACKEND, *HOOK_NAMES, *REVISION_NAMES)

    revision: Revision = Field(description="What git wants live; a change starts a run.")
    backend: BackendForm = Field(description="How the mesh addresses a revision.")
    stable: StableForm | None = Field(default=None, description="Only where it cannot be read from the routes.")
    workload: WorkloadForm | None = Field(default=None, description="The workload of each revision; recommended.")
    routes: Annotated[list[RouteForm], Field(min_length=1, max_length=MAX_ROUTES)] = Field(
        description="Every object that splits this service's traffic; all move together."
    )
    steps: Annotated[list[StepForm], Field(min_length=1, max_length=MAX_STEPS)] | None = Field(
        default=None, description="The plan, in its order; exactly one of steps and auto."
    )
    auto: AutoForm | None = Field(
        default=None, description="The judge chooses weights and pace, in the place of steps."
    )
    objectives: Objectives | None = Field(default=None, description="Limits that judge the canary; [] for none at all.")
    policies: Annotated[list[ObjectName], Field(max_length=10)] | None = Field(
        default=None, description="Names of SloPolicies whose objectives count too."
    )
    analysis: AnalysisForm = Field(default=AnalysisForm(), description="How objectives are judged.")
    webhooks: Webhooks | None = Field(default=None, description="Who outside is asked, or told.")
    available_within: Annotated[Duration, Between("1s", "168h")] = Field(
        default="10m", description="A canary not available for this long has failed."
    )
    capacity: WholePercent = Field(
        default="100%", description="Ready canary pods wanted, relative to weight x ready stable pods."
    )
    settle: Annotated[Duration, Between("0s", "1h")] = Field(
        default="30s", description="How long proxies may need to learn a change of subsets."
    )
    suspend: bool = Field(default=False, description="True: no run starts and no weight is raised.")


def rollout_spec(form: RolloutForm, key: Key, source: str = "") -> RolloutSpec:
    """The model's spec; only for a form without problems."""
    return RolloutSpec(
        key=key,
        revision=form.revision,
        backend=_backend(form.backend, key),
        routes=tuple(
            RouteRef(kind=route.kind, name=placed(route.name, key), only=tuple(route.only or ()))
            for route in form.routes
        ),
        steps=expanded(form.steps or []),
        auto=Auto(max=form.auto.max, min_duration=duration(form.auto.min_duration)) if form.auto else None,
        objectives=tuple(objective_for(objective(entry), key) for entry in form.objectives or ()),
        policies=tuple(form.policies or ()),
        workload=WorkloadRef(kind=form.workload.kind, name=placed(form.workload.name, key)) if form.workload else None,
        stable=(
            BackendName(service=placed(form.stable.service, key), subset=form.stable.subset or "")
            if form.stable
            else None
        ),
        analysis=_analysis(form.analysis),
        available_within=duration(form.available_within),
        capacity=int(form.capacity.removesuffix("%")),
        settle=duration(form.settle),
        suspend=form.suspend,
        source=source,
        hooks=webhooks(form.webhooks, key),
    )


def expanded(forms: list[StepForm]) -> tuple[Step, ...]:
    """The plan with every ramp written out."""
    return tuple(
        Step(weight=weight, soak=duration(form.soak), approvals=_gates(form))
        for form in forms
        for weight in _weights(form)
    )


def _gates(form: StepForm) -> tuple[str, ...]:
    return (form.approval,) if form.approval else tuple(form.approvals or ())


def _weights(form: StepForm) -> tuple[int, ...]:
    if form.ramp is None:
        return (form.weight or 0,)
    weights = tuple(range(form.ramp.from_, form.ramp.to + 1, form.ramp.by))
    return weights if weights[-1:] == (form.ramp.to,) else (*weights, form.ramp.to)


def _backend(form: BackendForm, key: Key) -> Backend:
    if form.subset is None:
        return ServiceBackend(service=placed(form.service or "", key))
    labels = tuple(sorted((name, placed(value, key)) for name, value in form.subset.labels.items()))
    return SubsetBackend(host=placed(form.subset.host, key), name=placed(form.subset.name, key), labels=labels)


def _analysis(form: AnalysisForm) -> Analysis:
    return Analysis(
        interval=duration(form.interval),
        min_requests=form.min_requests,
        false_rollback=ratio(form.false_rollback),
        harm_budget=form.harm_budget,
        on_inconclusive=OnInconclusive(form.on_inconclusive),
        step_deadline=duration(form.step_deadline),
        bake=duration(form.bake),
    )
