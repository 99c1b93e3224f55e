"""How does a test make a spec, a status or a manifest and name only what matters to it?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.approval import Approvers, Authors, Identity, Quorum, Realm
from policies.verdict import Verdict
from rollout.model.approval import ApprovalPolicy, OnTimeout
from rollout.model.commands import Command, Handled, Result, Verb
from rollout.model.deeds import Approval, Deed, Override, Pause
from rollout.model.freeze import FreezeWindow, Once
from rollout.model.hooks import HookCount, HookOwed
from rollout.model.names import BackendName, Key
from rollout.model.rollout import ErrorRatio, Method, Mode, RolloutSpec, RouteRef, ServiceBackend, Step, WorkloadRef
from rollout.model.status import (
    Added,
    Checkpoint,
    Condition,
    Fight,
    Incident,
    ObjectiveVerdict,
    Outcome,
    Past,
    Phase,
    Reason,
    Rescue,
    Retiring,
    Revision,
    RolloutStatus,
    Run,
    Stopwatch,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CHECKOUT = Key(namespace="shop", name="checkout")
VIRTUAL_SERVICE = RouteRef(kind="VirtualService", name="checkout")
ERRORS = ErrorRatio(name="errors", max_ratio=0.01, method=Method.THRESHOLD)
SEQUENTIAL = ErrorRatio(name="errors", max_ratio=0.01)


def a_spec(**changes: Any) -> RolloutSpec:
    """shop/checkout: v2 wanted, one Service per revision, 5 % for 5 min, 50 % for 5 min, at most 1 % errors."""
    spec = RolloutSpec(
        key=CHECKOUT,
        revision="v2",
        backend=ServiceBackend(service="checkout-{revision}"),
        routes=(VIRTUAL_SERVICE,),
        steps=(a_step(5), a_step(50)),
        objectives=(ERRORS,),
        workload=WorkloadRef(kind="Deployment", name="checkout-{revision}"),
    )
    return replace(spec, **changes)


def a_step(weight: int, *, soak: timedelta = timedelta(minutes=5), approval: str = "") -> Step:
    """One step of a plan, with 5 min soak."""
    return Step(weight=weight, soak=soak, approvals=(approval,) if approval else ())


def an_approval_policy(
    name: str = "release-managers", *, on_timeout: OnTimeout = OnTimeout.HOLD, **quorum: Any
) -> ApprovalPolicy:
    """A policy that one person must approve whom the cluster's own rules let, unless told otherwise."""
    key = Key(namespace="shop", name=name)
    return ApprovalPolicy(key=key, quorum=Quorum(**quorum), on_timeout=on_timeout)


def an_approval_manifest(name: str = "release-managers", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """The manifest of a policy that one person must approve whom the cluster's own rules let, unless told otherwise."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ApprovalPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"minimum": 1, **spec},
    }


def a_revision(name: str = "v1", *, template: str | None = None, backend: str | None = None) -> Revision:
    """A revision with the backend checkout-NAME and a template hash of its own."""
    return Revision(
        name=name,
        backend=BackendName(service=backend or f"checkout-{name}"),
        template=f"template-{name}" if template is None else template,
    )


def a_run(**changes: Any) -> Run:
    """A run of v2 in its first step, 5 % wanted, in force since noon."""
    run = Run(
        canary=a_revision("v2"),
        plan=(a_step(5), a_step(50)),
        started=NOON,
        step_started=NOON,
        step=1,
        weight=5,
        confirmed=5,
        in_force_at=NOON,
        stable_ready=2,
    )
    return replace(run, **changes)


def a_status(**changes: Any) -> RolloutStatus:
    """Idle with v1 as stable; with `run=` it is Progressing in run 1 unless told otherwise."""
    status = RolloutStatus(stable=a_revision("v1"))
    if changes.get("run") is not None:
        status = replace(status, phase=Phase.PROGRESSING, runs=1)
    return replace(status, **changes)


def a_verdict(verdict: Verdict = Verdict.PASS, **changes: Any) -> ObjectiveVerdict:
    """What the objective `errors` said at noon."""
    entry = ObjectiveVerdict(
        name="errors",
        verdict=verdict,
        mode=Mode.DECIDE,
        code="WithinLimit",
        message="errors 0.4% of at most 1%",
        value="0.4%",
        limit="at most 1%",
        samples=1200,
        query="sum(rate(...))",
        at=NOON,
    )
    return replace(entry, **changes)


def a_checkpoint(objective: str = "errors") -> Checkpoint:
    """What the judge knows of one objective, as much of it as may be kept: 1 kB."""
    state = "1 " + "0.000123456789 " * 80
    return Checkpoint(objective=objective, state=state[:1024], learnt="0.2% failed in 15 min of 2 pods")


def a_full_status() -> RolloutStatus:
    """A status in which every field says something: nothing may be lost of it wherever it is stored."""
    watch = Stopwatch(spent=timedelta(seconds=1, microseconds=7), since=NOON + timedelta(microseconds=1))
    entry = Added(route=replace(VIRTUAL_SERVICE, only=("web",)), backend=BackendName(service="checkout", subset="v2"))
    past = Past(
        run=1,
        revision="v1",
        stable="v0",
        outcome=Outcome.PROMOTED,
        started=NOON,
        ended=NOON,
        message="promoted",
        deeds=(a_deed(),),
    )
    ben = Identity(realm=Realm.SLACK, user="T1/U1", groups=("T1/S1",), email="ben@shop.example", vouched="shop")
    run = a_run(
        subset_since=NOON,
        skip=True,
        full=True,
        straight=True,
        approvals=(
            Approval(step=1, by="ana", at=NOON),
            Approval(step=1, by=str(ben), at=NOON, channel="slack", identity=ben),
        ),
        gate_since=NOON,
        authors=Authors(commit="4f1c2ab", emails=("eve@shop.example",), unproven="not signed"),
        override=Override(by="ana", at=NOON, windows=("shop/night",), reason="the till is down", channel="cli"),
        deeds=(a_deed(), a_deed(verb="pause", reason="lunch")),
        pause=Pause(by="ana", at=NOON, why="lunch"),
        verdict_missing=watch,
        unavailable=watch,
        dark_since=NOON,
        ending=Outcome.ABORTED,
        ending_why="errors at the till",
        judged=tuple(a_checkpoint(name) for name in ("errors", "slow", "logins", "payments")),
        outlook="can prove <= 0.3% failed, in about 6 min at 50 rps",
        hooks=(HookCount(name="load", step=1, failures=2, at=NOON, message="503: busy"),),
        incident=Incident(since=NOON, until=NOON + timedelta(minutes=2), count=2, over=True),
    )
    return a_status(
        former=a_revision("v0"),
        failed=a_revision("v9"),
        runs=2,
        run=run,
        retiring=(Retiring(revision=a_revision("v0"), since=NOON, theirs=True, unnamed=NOON),),
        added=(entry,),
        subsets=("v1", "v2"),
        removable=("Deployment/checkout-v0",),
        fights=(a_fight(at=(NOON, NOON + timedelta(seconds=7))),),
        rescue=Rescue(
            route=VIRTUAL_SERVICE, backend=BackendName(service="checkout-v0"), writer="kubectl (nobody)", at=NOON
        ),
        verdicts=(a_verdict(), a_verdict(name="orders", samples=None, mode=Mode.OBSERVE)),
        reasons=(Reason(code="Soaking", message="soaking until 12:05", warning=True),),
        next="step 2 at 12:05",
        conditions=(Condition(type="Ready", status="Unknown", reason="Progressing", message="step 1", since=NOON),),
        handled=(Handled(uid="uid-1", result=Result.ACCEPTED, message="paused"),),
        history=(past,),
        observed_generation=3,
        source_commit="abc123",
        owed=(HookOwed(name="after", run=1, revision="v1", template="t", succeeded=True, since=NOON),),
    )


def a_deed(**changes: Any) -> Deed:
    """ben approved step 1 by Slack at noon."""
    deed = Deed(verb="approve", by="slack:ben@shop.example", at=NOON, channel="slack", proof="slack of shop", step=1)
    return replace(deed, **changes)


def a_fight(**changes: Any) -> Fight:
    """Flux set checkout's weights back at noon, once."""
    fight = Fight(
        route=VIRTUAL_SERVICE, manager="kustomize-controller", tool="Flux flux/apps", written=NOON, at=(NOON,)
    )
    return replace(fight, **changes)


def a_command(verb: Verb, **changes: Any) -> Command:
    """ana's command for run 1, given at noon by the CLI."""
    command = Command(
        uid=f"uid-{verb.value}",
        name=f"checkout-{verb.value}",
        verb=verb,
        actor="ana",
        channel="cli",
        created=NOON,
        run=1,
    )
    return replace(command, **changes)


def a_freeze(*, start: datetime, length: timedelta, **changes: Any) -> FreezeWindow:
    """FreezeWindow platform/year-end for all namespaces, which ana may override."""
    window = FreezeWindow(
        key=Key(namespace="platform", name="year-end"),
        windows=(Once(start=start, end=start + length),),
        reach=("*",),
        override=Approvers(users=("ana",)),
    )
    return replace(window, **changes)


def a_freeze_manifest(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """The manifest of a window that reaches all namespaces, unless told otherwise."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "FreezeWindow",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"namespaces": ["*"], **spec},
    }


def a_rollout_manifest(
    name: str = "checkout", namespace: str = "shop", without: tuple[str, ...] = (), **spec: Any
) -> dict[str, Any]:
    """The manifest that reads as `a_spec()`; keyword arguments replace fields of `spec`, `without` leaves some out."""
    body: dict[str, Any] = {
        "revision": "v2",
        "backend": {"service": f"{name}-{{revision}}"},
        "workload": {"kind": "Deployment", "name": f"{name}-{{revision}}"},
        "routes": [{"kind": "VirtualService", "name": name}],
        "steps": [{"weight": 5, "soak": "5m"}, {"weight": 50, "soak": "5m"}],
        "objectives": [{"name": "errors", "kind": "error-ratio", "max": "1%", "method": "threshold"}],
    }
    body |= spec
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in body.items() if field not in without},
    }
