"""How does a test make one namespace in mid-move, named shop and well in all ways, and change only what matters?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rollout.migration.fleet import Fleet
from rollout.migration.view import View
from rollout.model.commands import Command, Verb
from rollout.model.mesh import MeshNamespace, Mtls, PeerAuth
from rollout.model.mesh_writes import Snapshot
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration_marks import EdgeBaseline, SoakMark
from rollout.model.migration_seen import FleetSeen, NamespaceSeen, PlaintextLook
from rollout.model.telemetry import ALL, FAILED, OUTCOME, Asked, MeshAnswer, MeshQuestion, Series
from tests.support.fleets import a_wave, calling
from tests.support.mesh import NOON, namespace, peer, pod, workload

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
QUIET = PlaintextLook(complete=True, gap="")
EDGE = {"source_workload_namespace": "web", "source_workload": "front", "destination_workload": "api"}
WAS = EdgeBaseline(caller="web/front", workload="api", success=0.999, p99=timedelta(milliseconds=20))
BLIND = PlaintextLook(gap="nobody could look")


def a_row(value: float, **labels: str) -> Series:
    """One series of an answer."""
    return Series(labels=labels, value=value, at=NOON)


def outcomes(failed: float, total: float = 1000, edge: Mapping[str, str] | None = None) -> tuple[Series, ...]:
    """The rows of one edge of which so many failed; of `EDGE` where nothing is said."""
    named = EDGE if edge is None else edge
    bad = (a_row(failed, **named, **{OUTCOME: FAILED}),) if failed else ()
    return (a_row(total, **named, **{OUTCOME: ALL}), *bad)


def told(**answers: tuple[Series, ...] | None) -> dict[Asked, MeshAnswer]:
    """Answers by the name of their question; None is one that the metrics server could not give."""
    return {
        asked: MeshAnswer(
            question=MeshQuestion(asked=asked, namespace="shop"),
            query=f"{asked}{{}}",
            series=rows,
            problem="" if rows is not None else "no answer in 10 s",
            at=NOON,
        )
        for name, rows in answers.items()
        for asked in (Asked[name.upper()],)
    }


def well() -> dict[Asked, MeshAnswer]:
    """All is well: one meshed caller, nobody refused, every counter exported, no plaintext."""
    return told(
        requests=outcomes(1),
        connections=outcomes(0),
        latency=(a_row(20, **EDGE),),
        refused=(),
        refusals_exist=(a_row(1, pod="api-1"),),
        rejects=(),
        certificates=(a_row(43200, pod="api-1", resource_name="default"),),
        webhooks=(),
        draining=(),
        plaintext=(),
        plaintext_in_window=(),
        plaintext_open=(),
        mtls=(a_row(5, pod="api-1"),),
    )


def enrolled(*peers: PeerAuth, **changes: Any) -> MeshNamespace:
    """shop with one calm Deployment whose pod has a proxy, PERMISSIVE by our own object where `peers` says nothing."""
    own = peers or (peer(mode=Mtls.PERMISSIVE, ours="to-strict"),)
    made = namespace(*own, pods=[pod(proxy_since=NOON - HOUR)], workloads=(workload(),), labels=ENROLLED)
    return replace(made, **changes)


ENROLLED = {"istio-injection": "enabled"}
STRICT = peer(mode=Mtls.STRICT, ours="to-strict")


def a_spec(**changes: Any) -> MigrationSpec:
    """One wave of shop, verified for 15 minutes, without the self-test."""
    return replace(MigrationSpec(name="to-strict", waves=(a_wave("core", "shop"),), self_test=False), **changes)


def standing(stage: Stage, **changes: Any) -> NamespaceStatus:
    """shop, for an hour in this stage, its snapshot taken and its soak long over."""
    soak = SoakMark(clock=NOON - 48 * HOUR, looked=NOON, known_until=NOON, window=24 * HOUR)
    made = NamespaceStatus(
        name="shop",
        stage=stage,
        since=NOON - HOUR,
        recorded=True,
        soak=soak,
        baseline=(WAS,),
        looked=NOON,
        canary="Deployment api",
    )
    return replace(made, **changes)


def a_view(
    stage: Stage,
    *,
    ns: MeshNamespace | None = None,
    answers: Mapping[Asked, MeshAnswer] | None = None,
    look: PlaintextLook = QUIET,
    spec: MigrationSpec | None = None,
    root: tuple[PeerAuth, ...] = (),
    seen: Mapping[str, Any] | None = None,
    fleet: Mapping[str, Any] | None = None,
    view: Mapping[str, Any] | None = None,
    **status: Any,
) -> View:
    """shop in this stage at NOON. answers: those that differ from `well`. status: changes of its NamespaceStatus."""
    one = standing(stage, **status)
    found = Fleet(
        spec=spec or a_spec(),
        status=MigrationStatus(namespaces=(one,)),
        **{
            "calls": calling("web>shop"),
            "enrolled": frozenset({"shop", "web"}),
            "rollouts": {},
            "frozen": "",
            "now": NOON,
            **(fleet or {}),
        },
    )
    look_at = NamespaceSeen(
        namespace=ns if ns is not None else enrolled(),
        answers={**well(), **(answers or {})},
        plaintext=look,
        **{"snapshot": a_snapshot(), **(seen or {})},
    )
    return View(status=one, seen=look_at, fleet=found, root=root, now=NOON, **(view or {}))


def a_snapshot() -> Snapshot:
    """shop as it was: nothing in it."""
    return Snapshot(namespace="shop", taken=NOON - 48 * HOUR, objects=())


def seen_of(view: View, **changes: Any) -> FleetSeen:
    """What a tick sees whose only namespace is this one."""
    made = FleetSeen(
        namespaces={view.name: view.seen}, root=view.root, edges=(), meshed=frozenset({"web"}), periods=view.periods
    )
    return replace(made, **changes)


def an_order(verb: Verb, subject: str = "shop", **changes: Any) -> Command:
    """ana's command."""
    made = Command(
        uid=f"uid-{verb}-{subject}",
        name=f"c-{verb}",
        verb=verb,
        actor="ana",
        channel="cli",
        created=NOON,
        subject=subject,
    )
    return replace(made, **changes)


def codes(reasons: Any) -> list[str]:
    """The codes of reasons, in order."""
    return [one.code for one in reasons]
