"""Which shapes have the plan of a run and the tree of a Rollout over HTTP? Those of `rollout plan` and `tree -o json`."""

from datetime import datetime

from pydantic import Field

from rollout.web.shapes_account import Kind, Reason, Told


class PlanStage(Told):
    """A column of the plan. weight: None for now; soak: in seconds; pods: None where capacity is not asked for."""

    name: str
    weight: int | None
    soak: float
    approval: str | None
    pods: int | None


class PlanRow(Told):
    """The weights of a backend, one for each stage; None where it has no entry."""

    route: str
    pool: str
    backend: str
    role: str | None
    weights: list[int | None]


class PlanSubset(Told):
    """A subset that is made before any route names it."""

    name: str
    labels: dict[str, str]


class RouteOwner(Told):
    """A GitOps tool that may set a route back, and what makes it leave the weights alone."""

    route: str
    tool: str
    name: str | None
    snippet: str


class Freeze(Told):
    """A FreezeWindow that the run meets if it takes no longer than the least time."""

    window: str
    since: datetime = Field(alias="from")
    to: datetime


class PlanHook(Told):
    """A webhook that is asked on the way."""

    name: str
    type: str


class RunPlan(Kind):
    """As `rollout plan NAME -o json` without a Prometheus. canary: None when there is nothing to do."""

    stable: str | None
    canary: str | None
    running: bool
    note: str | None
    stages: list[PlanStage]
    weights: list[PlanRow]
    left_alone: list[str]
    subsets: list[PlanSubset]
    owners: list[RouteOwner]
    outlook: str | None
    freezes: list[Freeze]
    least_seconds: float
    approvals: int
    hooks: list[PlanHook]
    holds: list[Reason]


class Planned(Told):
    """The plan, and the same as lines of text. at: when it was made."""

    at: datetime
    account: RunPlan
    lines: list[str]


class TreeWorkload(Told):
    """What runs behind a backend: pods ready and wanted."""

    kind: str
    name: str
    exists: bool
    ready: int
    wanted: int


class TreeBackend(Told):
    """An entry of a route. ready: endpoints; wanted: the weight that it should have, None where nothing is wanted of it."""

    backend: str
    role: str | None
    exists: bool
    ready: int
    workload: TreeWorkload | None
    weight: int
    wanted: int | None


class TreePool(Told):
    """Backends that share the same requests."""

    name: str
    backends: list[TreeBackend]


class TreeRoute(Told):
    """A route of the Rollout. problem: why it does not do what is wanted, None for nothing."""

    kind: str
    name: str
    state: str
    problem: str | None
    pools: list[TreePool]


class TreeAccount(Kind):
    """As `rollout tree -o json`."""

    phase: str
    routes: list[TreeRoute]


class Tree(Told):
    """The tree, and the same as lines of text. at: when it was so."""

    at: datetime
    account: TreeAccount
    lines: list[str]
