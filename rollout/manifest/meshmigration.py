"""How is a MeshMigration written, and which moves does it mean?"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from rollout.durations import duration
from rollout.manifest.errors import Problem
from rollout.manifest.fields import (
    Between,
    Duration,
    Form,
    LabelName,
    LabelText,
    Name,
    ObjectName,
    Percent,
    Text,
    Words,
    rules,
)
from rollout.manifest.quantities import ratio
from rollout.model.mesh import Mtls
from rollout.model.migration import Exemption, Limits, MeshKind, MigrationSpec, Target, Wave
from rollout.model.names import Key

MOST_FLEET = 100
MOST_NAMESPACES = 1000
TWICE = 2  # a verify window sees the proxies' drain end, and what comes after it

# Days by the length of their month; 29 February is left to a rule.
_LONG, _SHORT = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])", r"(0[469]|11)-(0[1-9]|[12][0-9]|30)"
DAY = rf"^[1-9][0-9]{{3}}-({_LONG}|{_SHORT}|02-(0[1-9]|[12][0-9]))$"
Day = Annotated[str, Text('a day such as "2027-03-01"', DAY, 10)]
# CEL looks at no wave's namespaces twice: a thousand against a thousand is beyond its budget, so that is left to Python.
_FLEET = (
    (
        "self.waves.all(one, self.waves.exists_one(other, other.name == one.name))",
        "each wave has a name of its own",
    ),
    (
        "!self.waves.exists(one, self.mesh.root in one.namespaces)",
        "the mesh's own namespace is never moved",
    ),
    (
        f"self.waves.map(one, size(one.namespaces)).sum() <= {MOST_NAMESPACES}",
        f"at most {MOST_NAMESPACES} namespaces are moved by one MeshMigration",
    ),
    (
        "duration(self.verify) >= duration(self.mesh.drain) + duration(self.mesh.drain)",
        "verify is at least twice mesh.drain",
    ),
)
_EXCEPTION = (
    (
        "!has(self.port) || has(self.workload) && size(self.workload) > 0",
        "a port needs the workload's labels",
    ),
    (
        (
            "!self.expires.endsWith('-02-29') || int(self.expires.substring(0, 4)) % 4 == 0"
            " && (int(self.expires.substring(0, 4)) % 100 != 0 || int(self.expires.substring(0, 4)) % 400 == 0)"
        ),
        "expires is a day of the calendar",
    ),
)


class MeshForm(Form):
    """The mesh that the fleet moves into."""

    kind: Literal["istio-sidecar", "istio-ambient", "linkerd"] = Field(description="Which data plane it has.")
    revision: Name | None = Field(
        default=None, description="The control plane's revision or tag; absent: the one without."
    )
    root: Name = Field(
        default="istio-system", description="Namespace whose PeerAuthentications are for the whole mesh."
    )
    drain: Annotated[Duration, Between("1s", "1h")] = Field(
        default="45s", description="How long the proxies keep connections after a change (drainDuration)."
    )


class WaveForm(Form):
    """Namespaces that move together."""

    name: Name = Field(description="The wave's name.")
    namespaces: Annotated[list[Name], Field(min_length=1, max_length=MOST_NAMESPACES)] = Field(
        description="Those that move in it."
    )
    concurrency: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="How many of them may be changing at a time."
    )
    approval: Words | None = Field(default=None, description="The ApprovalPolicy that must let the wave begin.")


class TriggersForm(Form):
    """When a change is taken back by itself."""

    success_drop: Percent = Field(
        default="0.5%", description="Drop of the meshed callers' success, in points: of requests, and of connections."
    )
    latency_factor: Annotated[float, Field(ge=1, le=100)] = Field(
        default=1.3, description="p99 above baseline times this, plus 10 ms."
    )
    unready: Annotated[int, Field(ge=0, le=1000)] = Field(default=1, description="Pods that may lose readiness.")
    burn: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=14.4,
        description="How many times too fast an edge may use up an error budget of policies, over 5 minutes.",
    )


class ExceptionForm(Form):
    """A port, a workload or a namespace that need not reach STRICT."""

    model_config = rules(*_EXCEPTION)

    namespace: Name = Field(description="Where it is.")
    workload: Annotated[dict[LabelName, LabelText], Field(max_length=20)] | None = Field(
        default=None, description="Labels of its pods; without them the whole namespace is meant."
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="A container port; all of them when absent."
    )
    mode: Literal["PERMISSIVE", "DISABLE"] = Field(default="PERMISSIVE", description="What it accepts instead.")
    owner: Annotated[str, Text("who answers for it", r"^.*\S.*$", 253)] = Field(description="Who answers for it.")
    expires: Day = Field(description="From this day on it holds no gate open any more; no mode is changed by that.")


class MeshMigrationForm(Form):
    """Moves namespaces into a mesh and to STRICT mTLS, wave by wave."""

    model_config = rules(*_FLEET)

    mesh: MeshForm = Field(description="The mesh that they move into.")
    target: Literal["strict", "authorized"] = Field(default="strict", description="Where a namespace's move ends.")
    waves: Annotated[list[WaveForm], Field(min_length=1, max_length=MOST_FLEET)] = Field(description="In this order.")
    soak: Annotated[Duration, Between("1s", "840h")] = Field(
        default="24h", description="Least time without plaintext before STRICT."
    )
    strict_soak: Annotated[Duration, Between("1s", "840h")] | None = Field(
        default=None, description="Time to watch after STRICT; as long as soak when absent."
    )
    baseline: Annotated[Duration, Between("1s", "840h")] = Field(
        default="24h", description="Time over which callers are measured before the first change."
    )
    verify: Annotated[Duration, Between("1s", "24h")] = Field(
        default="15m", description="Time to watch after each change of a mode; at least twice mesh.drain."
    )
    interval: Annotated[Duration, Between("1s", "5m")] = Field(default="15s", description="Time between two looks.")
    triggers: TriggersForm = Field(default=TriggersForm(), description="When a change is taken back by itself.")
    policies: Annotated[list[ObjectName], Field(max_length=20)] | None = Field(
        default=None,
        description="SloPolicies of the controller's namespace: the limits on their errors are the callers' budgets.",
    )
    exceptions: Annotated[list[ExceptionForm], Field(max_length=500)] | None = Field(
        default=None, description="What need not reach STRICT, by whom, and until when."
    )
    suspend: bool = Field(default=False, description="True: nothing goes forward; fallback and rollback still act.")
    self_test: bool = Field(
        default=True,
        description="True: one plaintext request a day to a pod of each namespace shows that it is noticed.",
    )


def migration_problems(form: MeshMigrationForm) -> Iterator[Problem]:
    """What is wrong between its fields, and what comes in a later version."""
    if form.mesh.kind != "istio-sidecar":
        message = f"{form.mesh.kind} comes in a later version; this one moves into istio-sidecar"
        yield Problem(path=("spec", "mesh", "kind"), message=message)
    if form.target != "strict":
        yield Problem(path=("spec", "target"), message="authorized comes in a later version; this one ends at strict")
    if duration(form.verify) < TWICE * duration(form.mesh.drain):
        message = (
            f"verify {form.verify} is shorter than twice mesh.drain {form.mesh.drain}: connections that STRICT cuts "
            "end only then"
        )
        yield Problem(path=("spec", "verify"), message=message)
    yield from _waves(form)
    yield from _exceptions(form)


def _waves(form: MeshMigrationForm) -> Iterator[Problem]:
    names: dict[str, int] = {}
    where: dict[str, str] = {}
    for index, wave in enumerate(form.waves):
        path = ("spec", "waves", index)
        if wave.name in names:
            yield Problem(path=(*path, "name"), message=f"wave {wave.name} is here twice; give it another name")
        names.setdefault(wave.name, index)
        for place, namespace in enumerate(wave.namespaces):
            at = (*path, "namespaces", place)
            if namespace in where:
                yield Problem(path=at, message=f"{namespace} is in wave {where[namespace]} already; list it once")
            elif namespace == form.mesh.root:
                yield Problem(path=at, message=f"{namespace} is the mesh's own namespace, which is never moved")
            where.setdefault(namespace, wave.name)
    if len(where) > MOST_NAMESPACES:
        message = f"{len(where)} namespaces, at most {MOST_NAMESPACES} are moved by one MeshMigration; split it"
        yield Problem(path=("spec", "waves"), message=message)


def _exceptions(form: MeshMigrationForm) -> Iterator[Problem]:
    moved = {namespace for wave in form.waves for namespace in wave.namespaces}
    for index, entry in enumerate(form.exceptions or []):
        path = ("spec", "exceptions", index)
        if entry.namespace not in moved:
            yield Problem(path=(*path, "namespace"), message=f"{entry.namespace} is in no wave")
        if entry.port is not None and not entry.workload:
            message = "a port needs the workload's labels: Istio takes modes of ports only beside a selector"
            yield Problem(path=(*path, "port"), message=message)
        if _day(entry.expires) is None:
            yield Problem(path=(*path, "expires"), message=f"{entry.expires} is no day of the calendar")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def migration_spec(form: MeshMigrationForm, key: Key) -> MigrationSpec:
    """The model's spec; only for a form without problems."""
    soak = duration(form.soak)
    return MigrationSpec(
        name=key.name,
        mesh=MeshKind(form.mesh.kind),
        revision=form.mesh.revision or "",
        root=form.mesh.root,
        drain=duration(form.mesh.drain),
        target=Target(form.target),
        waves=tuple(
            Wave(
                name=wave.name,
                namespaces=tuple(wave.namespaces),
                concurrency=wave.concurrency,
                approval=wave.approval or "",
            )
            for wave in form.waves
        ),
        soak=soak,
        strict_soak=duration(form.strict_soak) if form.strict_soak else soak,
        baseline=duration(form.baseline),
        verify=duration(form.verify),
        interval=duration(form.interval),
        limits=Limits(
            success_drop=ratio(form.triggers.success_drop),
            latency_factor=form.triggers.latency_factor,
            unready=form.triggers.unready,
            burn=form.triggers.burn,
        ),
        policies=tuple(form.policies or ()),
        exceptions=tuple(_exemption(entry) for entry in form.exceptions or ()),
        self_test=form.self_test,
        suspend=form.suspend,
    )


def _exemption(entry: ExceptionForm) -> Exemption:
    return Exemption(
        namespace=entry.namespace,
        workload=dict(entry.workload or {}),
        port=entry.port,
        mode=Mtls(entry.mode),
        owner=entry.owner,
        expires=date.fromisoformat(entry.expires),
    )
