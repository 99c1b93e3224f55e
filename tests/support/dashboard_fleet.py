"""Which Rollouts and MeshMigrations does a dashboard show in tests: every phase, every way to wait, and thousands of them?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from policies.approval import Identity, Realm
from policies.verdict import Verdict
from rollout.manifest.migration_status import migration_status_to_dict
from rollout.manifest.status import status_to_dict
from rollout.model.deeds import Approval, Pause
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration_marks import PlaintextCaller
from rollout.model.names import BackendName
from rollout.model.rollout import Mode, Step
from rollout.model.status import ObjectiveVerdict, Outcome, Past, Phase, Reason, Revision, RolloutStatus, Run
from tests.support.builders import NOON, a_deed, a_rollout_manifest, a_step, a_verdict, an_approval_manifest

COMMIT = "4f1c2ab9d27e50c1b5b6e2f6f9a9f6c1a37c1d20"
GATE = "release-managers"
WAVES = ("pilot", "core", "late")
AWAITS = Reason(code="AwaitingApproval", message=f"waiting for 1 approval of v2 by {GATE} (step 2)")
SOAKS = Reason(code="Soaking", message="soaking until 12:10")
FAILS = Reason(code="Failed", message="v2 failed: errors 4.1% of at most 1%", warning=True)


def ago(minutes: float) -> Any:
    """So long before noon."""
    return NOON - timedelta(minutes=minutes)


def revision(app: str, name: str) -> Revision:
    """A revision of an app with a Service of its own."""
    return Revision(name=name, backend=BackendName(service=f"{app}-{name}"), template=f"template-{name}")


def objectives(verdict: Verdict = Verdict.PASS, value: str = "0.3%") -> tuple[ObjectiveVerdict, ...]:
    """Two that decide and one that is only shown."""
    failed = verdict is Verdict.FAIL
    return (
        a_verdict(
            verdict,
            code="AboveLimit" if failed else "WithinLimit",
            message=f"errors {value} of at most 1%",
            value=value,
            evidence="131 of 125" if failed else "12 of 125",
        ),
        a_verdict(name="slow", message="slow 2.1% of at most 5%", value="2.1%", limit="at most 5%", samples=1200),
        a_verdict(
            name="orders", mode=Mode.OBSERVE, message="orders 3.4 above 3", value="3.4", limit="above 3", samples=None
        ),
    )


def past(app: str) -> tuple[Past, ...]:
    """Three former runs, the newest first."""
    steps = (
        (3, "v1", "v0", Outcome.PROMOTED, 300, "all steps passed: errors 0.2% of at most 1%"),
        (2, "v1-rc2", "v0", Outcome.FAILED, 1500, "errors 7.5% of at most 1%"),
        (1, "v1-rc1", "v0", Outcome.ABORTED, 2900, f"{app}: the till was wrong"),
    )
    return tuple(
        Past(
            run=run,
            revision=name,
            stable=stable,
            outcome=outcome,
            started=ago(begun),
            ended=ago(begun - 40),
            message=message,
            deeds=(a_deed(at=ago(begun - 20), reason="looks good"),),
        )
        for run, name, stable, outcome, begun, message in steps
    )


def running(app: str, phase: Phase = Phase.PROGRESSING, *reasons: Reason, **run: Any) -> RolloutStatus:
    """Run 4 of v2, at 25 % in step 2 of 3 for 6 min."""
    plan = (a_step(5), Step(weight=25, soak=timedelta(minutes=10), approvals=(GATE,)), a_step(60))
    made = Run(
        canary=revision(app, "v2"),
        plan=plan,
        started=ago(12),
        step_started=ago(6),
        step=2,
        weight=25,
        confirmed=25,
        in_force_at=ago(6),
        stable_ready=4,
        trial_since=ago(12),
        outlook="can prove <= 0.44% failed, in about 10 min at 50 rps",
    )
    return RolloutStatus(
        phase=phase,
        stable=revision(app, "v1"),
        runs=4,
        run=replace(made, **run),
        verdicts=objectives(),
        reasons=reasons,
        next="step 3 (60%) once it is approved",
        history=past(app),
        observed_generation=1,
        source_commit=COMMIT,
    )


def awaiting(app: str) -> RolloutStatus:
    """Waits for the second of two people."""
    ben = Identity(realm=Realm.SLACK, user="T024BE7LD/U024BE7LH", email="ben@shop.example", vouched="shop")
    return running(
        app,
        Phase.PROGRESSING,
        AWAITS,
        gate_since=ago(2),
        approvals=(Approval(step=2, by=str(ben), at=ago(1), channel="slack", identity=ben),),
        deeds=(a_deed(step=2, at=ago(1), reason="the till was tested"),),
    )


def idle(app: str) -> RolloutStatus:
    """v1 serves, and nothing is to do."""
    return RolloutStatus(
        stable=revision(app, "v1"), runs=3, history=past(app), observed_generation=1, source_commit=COMMIT
    )


def failed(app: str) -> RolloutStatus:
    """v2 was rolled back ten minutes ago."""
    run = Past(
        run=4,
        revision="v2",
        stable="v1",
        outcome=Outcome.FAILED,
        started=ago(30),
        ended=ago(10),
        message="errors 4.1% of at most 1%",
    )
    return replace(
        idle(app),
        phase=Phase.FAILED,
        failed=revision(app, "v2"),
        runs=4,
        verdicts=objectives(Verdict.FAIL, "4.1%"),
        reasons=(FAILS,),
        next="retry, or a new revision in git",
        history=(run, *past(app)),
    )


def the_phases() -> dict[str, RolloutStatus]:
    """A status for each phase and for what people are asked about, by "namespace/name"."""
    paused = Reason(code="Paused", message="paused by ana: lunch")
    frozen = Reason(code="Frozen", message="frozen by platform/year-end until 2027-01-02 06:00")
    return {
        "shop/checkout": awaiting("checkout"),
        "shop/cart": running("cart", Phase.PROGRESSING, SOAKS, step=1, weight=5, confirmed=5),
        "shop/search": running("search", Phase.PAUSED, paused, pause=Pause(by="ana", at=ago(3), why="lunch")),
        "shop/catalog": idle("catalog"),
        "shop/images": RolloutStatus(),
        "shop/invoices": failed("invoices"),
        "shop/gifts": running("gifts", Phase.PROGRESSING, frozen),
        "pay/bank": awaiting("bank"),
        "pay/ledger": replace(
            running(
                "ledger",
                Phase.ROLLING_BACK,
                FAILS,
                weight=0,
                confirmed=25,
                ending=Outcome.FAILED,
                ending_why="errors 4.1% of at most 1%",
            ),
            verdicts=objectives(Verdict.FAIL, "4.1%"),
        ),
        "pay/payments": running("payments", Phase.PROMOTING, step=4, weight=100, confirmed=60),
    }


def rollouts() -> Iterator[dict[str, Any]]:
    """A Rollout in each phase, and one whose spec nobody can read."""
    for key, status in the_phases().items():
        namespace, name = key.split("/")
        yield rollout(namespace, name, status)
    yield rollout("shop", "unreadable", idle("unreadable"), revision="v1", steps=[{"weight": 500}])


def rollout(namespace: str, name: str, status: RolloutStatus, **spec: Any) -> dict[str, Any]:
    """A Rollout as the API server stores it."""
    wanted = "v2" if status.run or status.failed else "v1"
    steps = [{"weight": 5, "soak": "5m"}, {"weight": 25, "soak": "10m", "approval": GATE}, {"weight": 60, "soak": "5m"}]
    manifest = a_rollout_manifest(name, namespace, **{"revision": wanted, "steps": steps, **spec})
    marks = {"annotations": {"rollout.dev/commit": COMMIT}, "creationTimestamp": "2026-10-01T08:00:00Z"}
    return {**manifest, "metadata": {**manifest["metadata"], **marks}, "status": status_to_dict(status)}


def thousands(count: int) -> Iterator[dict[str, Any]]:
    """So many Rollouts of all phases in 29 namespaces."""
    kinds = tuple(the_phases().values())
    for number in range(count):
        yield rollout(f"team-{number % 29:02}", f"app-{number:04}", kinds[number % len(kinds)])


def policies() -> Iterator[dict[str, Any]]:
    """Who must say yes to step 2: two of ana, bo and Slack's ben."""
    approvers = {"users": ["ana", "bo"], "emails": ["ben@shop.example"]}
    for namespace in ("shop", "pay"):
        yield an_approval_manifest(GATE, namespace, minimum=2, approvers=approvers)
    yield an_approval_manifest("platform", "rollout-system", approvers={"users": ["ana"]})


def routes() -> Iterator[dict[str, Any]]:
    """A VirtualService for each Rollout that has a run, as its status says that it stands."""
    for key, status in the_phases().items():
        namespace, name = key.split("/")
        if status.run is not None:
            yield route(namespace, name, status.run.confirmed)


def route(namespace: str, name: str, weight: int) -> dict[str, Any]:
    """The VirtualService of a Rollout, with so much for v2."""
    shares = [("v1", 100 - weight), ("v2", weight)]
    backends = [{"destination": {"host": f"{name}-{revision}"}, "weight": share} for revision, share in shares]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [name], "http": [{"route": backends}]},
    }


def migrations() -> Iterator[dict[str, Any]]:
    """A move of nine namespaces in mid-way, and one that waits for a person to let it begin."""
    yield migration("to-strict", (("tools", "edge"), ("shop", "pay", "web"), ("legacy", "vault", "old")), fleet())
    waits = Reason(code="AwaitingApproval", message="wave pilot waits for 1 approval by platform")
    waiting = MigrationStatus(wave="pilot", reasons=(waits,))
    yield migration("to-ambient", (("lab",), ("farm",), ("field",)), waiting, approval="platform")


def fleet() -> MigrationStatus:
    """Namespaces in all kinds of stages; two of them hear plaintext."""
    caller = PlaintextCaller(workload="api", source="legacy/batch", calls=12, last=ago(4))
    unknown = PlaintextCaller(workload="bank", source="", calls=3, last=ago(9))
    heard = Reason(code="PlaintextCaller", message="legacy/batch spoke plaintext to api: the soak begins again")
    blocks = Reason(code="PreflightBlocks", message="1 finding blocks: PA-01 Service vault/api", warning=True)
    back = Reason(code="FellBack", message="shop/web lost 2% of its requests", warning=True)
    stages = (
        NamespaceStatus(name="tools", stage=Stage.DONE, since=ago(900)),
        NamespaceStatus(name="edge", stage=Stage.STRICT_SOAK, since=ago(90), next="done in about 22 h"),
        NamespaceStatus(name="shop", stage=Stage.OBSERVING, since=ago(60), callers=(caller,), reasons=(heard,)),
        NamespaceStatus(name="pay", stage=Stage.PERMISSIVE, since=ago(30), callers=(unknown,)),
        NamespaceStatus(name="web", stage=Stage.FALLEN_BACK, since=ago(20), fallbacks=1, reasons=(back,)),
        NamespaceStatus(name="vault", stage=Stage.BLOCKED, since=ago(10), blocked=1, reasons=(blocks,)),
        NamespaceStatus(name="old", stage=Stage.EXCEPTED, since=ago(10)),
    )
    return MigrationStatus(namespaces=stages, wave="core", done=1, next="look again in 15 s", observed_generation=1)


def migration(
    name: str, waves: tuple[tuple[str, ...], ...], status: MigrationStatus, approval: str = ""
) -> dict[str, Any]:
    """A MeshMigration as the API server stores it. approval: the policy that lets its first wave begin."""
    named: list[dict[str, Any]] = [
        {"name": wave, "namespaces": list(spaces)} for wave, spaces in zip(WAVES, waves, strict=True)
    ]
    named[0] |= {"approval": approval} if approval else {}
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "MeshMigration",
        "metadata": {"name": name},
        "spec": {"mesh": {"kind": "istio-sidecar"}, "waves": named},
        "status": migration_status_to_dict(status),
    }
