"""Is a marked plaintext request due, to whom, and does what came of it show that plaintext would be noticed?"""

from dataclasses import replace
from datetime import datetime, timedelta

from policies.ledger_coverage import LOOKED_FOR, VALID, SelfTest, self_test_hold
from policies.soak_hold import clock_time
from rollout.migration.mtls import effective, live
from rollout.migration.view import View, selects
from rollout.model.mesh import MeshPod, Mtls
from rollout.model.migration import NamespaceStatus, Stage
from rollout.model.migration_marks import SelfTestMark
from rollout.model.migration_seen import Probe
from rollout.model.status import Reason

CHECK = "SELFTEST"
AGAIN = timedelta(minutes=10)  # after one that was not seen


def due(view: View) -> Probe | None:
    """The request to send now; None when the last one holds good, is still to be seen, or none can be sent."""
    if view.stage is not Stage.OBSERVING or not _is_asked_for(view) or view.spec.suspend or not view.is_wanted:
        return None
    last = view.status.self_test
    if last is not None and view.now - last.asked_at < (VALID if _is_good(view, last) else AGAIN):
        return None
    found = _sink(view) if view.seen.plaintext.complete and _is_quiet(view) else None
    if found is None:
        return None
    pod, port = found
    return Probe(pod=pod.name, address=pod.ip, port=port, mark=mark_of(view.spec.name, view.name, view.now))


def mark_of(migration: str, namespace: str, at: datetime) -> str:
    """The path of the request that was asked for at this moment."""
    return f"/.rollout-selftest/{migration}/{namespace}/{at:%Y%m%dT%H%M%S}"


def with_probe(view: View, probe: Probe) -> NamespaceStatus:
    """The status that knows of the request before it is sent."""
    return replace(view.status, self_test=SelfTestMark(asked_at=view.now, pod=probe.pod))


def told_of(status: NamespaceStatus) -> SelfTest | None:
    """The test as the ledger's judge sees it; None when none was sent."""
    mark = status.self_test
    if mark is None:
        return None
    return SelfTest(asked_at=mark.asked_at, sink={"pod": mark.pod}, seen_at=mark.seen_at)


def self_test_reason(view: View) -> Reason | None:
    """Why it is not known that plaintext would be noticed; None when it is, or a person does without."""
    if not _is_asked_for(view) or not _testable(view):
        return None
    hold = self_test_hold(told_of(view.status), view.spec.interval, view.now)
    if hold is None:
        return None
    last = view.status.self_test
    if last is not None and last.seen_at is None and view.seen.unsent:
        again = clock_time(last.asked_at + AGAIN)
        message = (
            f"pod {last.pod} did not answer a marked plaintext request at {clock_time(last.asked_at)}: let the controller "
            f"reach the pods of {view.name}, or acknowledge {CHECK}; tried again at {again}"
        )
        return Reason(code="SelfTestUnsent", message=message, warning=True)
    if last is not None and _spoke_too(view, last):
        message = f"others spoke plaintext too, so nobody can tell the marked request from theirs: {hold.sentence}"
        return Reason(code="SelfTestPending", message=message)
    if hold.code in ("SelfTestMissing", "SelfTestOld") and _sink(view) is None:
        message = (
            f"{hold.sentence}; no ready pod with a proxy has a port that a Service names http: name one (http, http-web), "
            f"or acknowledge {CHECK}"
        )
        return Reason(code="SelfTestImpossible", message=message)
    return Reason(code=hold.code, message=hold.sentence, warning=hold.code == "DetectorBlind")


def seen_now(before: NamespaceStatus, after: NamespaceStatus) -> Reason | None:
    """That this look showed the marked request; None when it did not."""
    mark = after.self_test
    if mark is None or mark.seen_at is None or (before.self_test is not None and before.self_test.seen_at is not None):
        return None
    message = f"the proxy of pod {mark.pod} counted the marked plaintext request of {clock_time(mark.asked_at)}"
    return Reason(code="SelfTestSeen", message=f"{message}: plaintext would be noticed")


def fact(view: View) -> tuple[str, str, str]:
    """What the evidence says of it."""
    last = view.status.self_test
    if not view.spec.self_test:
        return "self-test", "", "spec.selfTest is false: that plaintext would be noticed was not tried"
    if not _testable(view):
        return "self-test", "", "no pod with a proxy is there whose plaintext no exception accounts for"
    if last is None or last.seen_at is None:
        return "self-test", "", "none was seen"
    asked = f"one marked plaintext request to pod {last.pod} at {last.asked_at:%Y-%m-%d %H:%M:%S}"
    return "self-test", asked, f"its proxy counted it by {last.seen_at:%Y-%m-%d %H:%M:%S}"


def _testable(view: View) -> bool:
    """Whether some pod with a proxy is there whose plaintext no exception accounts for."""
    exceptions = view.spec.exceptions_of(view.name)
    return any(pod.meshed and not any(selects(one, pod) for one in exceptions) for pod in live(view.namespace))


def _is_asked_for(view: View) -> bool:
    return view.spec.self_test and not any(one.key == CHECK for one in view.status.acknowledged)


def _is_good(view: View, last: SelfTestMark) -> bool:
    """Whether it was seen in time, or may be yet."""
    limit = last.asked_at + LOOKED_FOR * view.spec.interval
    return view.now <= limit if last.seen_at is None else last.seen_at <= limit


def _is_quiet(view: View) -> bool:
    """Whether nobody speaks plaintext: one request among others cannot be told from theirs."""
    clock = view.status.soak.clock
    return clock is not None and view.now - clock >= LOOKED_FOR * view.spec.interval


def _spoke_too(view: View, test: SelfTestMark) -> bool:
    """Whether somebody spoke plaintext since the request, which was not seen apart."""
    last = view.status.soak.last_event
    return test.seen_at is None and last is not None and last >= test.asked_at


def _sink(view: View) -> tuple[MeshPod, int] | None:
    """The first ready pod with a proxy and an http port that takes plaintext."""
    pods = {pod.name: pod for pod in view.namespace.pods}
    for sink in view.namespace.sinks:
        pod = pods.get(sink.pod)
        if pod is None or not (pod.meshed and pod.ready and pod.ip) or pod.is_finished or pod.host_network:
            continue
        if any(selects(one, pod) for one in view.spec.exceptions_of(view.name)):  # what comes there is accounted for
            continue
        if effective(pod, sink.port, view.namespace.peers, view.root).mode is not Mtls.STRICT:
            return pod, sink.port
    return None
