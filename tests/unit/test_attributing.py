"""Is the log of a proxy asked when plaintext came from nobody knows whom, and only then?"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from policies.ledger_events import Event
from rollout.model.mesh import MeshPod
from rollout.model.migration_marks import PlaintextCaller
from rollout.model.migration_seen import PlaintextLook
from rollout.ports.errors import PortError, Unreachable
from rollout.services.attribute import MOST_PODS, attributed
from tests.support.mesh import NOON, namespace, pod

SECOND = timedelta(seconds=1)
OWN = "/mark"
BEFORE = NOON - 15 * SECOND


@dataclass
class KeptLog:
    """What each pod logged."""

    told: dict[str, tuple[str, ...]] = field(default_factory=dict)
    everyone: tuple[MeshPod, ...] = (pod("web-1", namespace="legacy", ip="10.0.0.9"),)
    failure: PortError | None = None
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    async def lines(self, namespace: str, pod: str, since: datetime) -> tuple[str, ...]:
        self.asked.append((f"{namespace}/{pod}", since))
        if self.failure is not None:
            raise self.failure
        return self.told.get(pod, ())

    def pods(self) -> tuple[MeshPod, ...]:
        return self.everyone


def line(at: datetime, remote: str = "10.0.0.9:4000") -> str:
    return (
        f'[{at:%Y-%m-%dT%H:%M:%S}.000Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 2 1 1 "-" "-" "-" "api" '
        f'"10.0.0.1:8080" inbound|8080|| 127.0.0.6:1 10.0.0.1:8080 {remote} - default'
    )


def event(pod: str = "api-1", since: datetime | None = BEFORE, **labels: str) -> Event:
    told = {"pod": pod, "destination_workload": "api", "source_workload": "unknown", **labels}
    return Event(series=pod, labels=told, since=since, at=NOON, amount=1, why="it grew")


async def looked(log: KeptLog, *events: Event, pods: Sequence[str] = ("api-1",)) -> tuple[PlaintextCaller, ...]:
    shop = namespace(pods=[pod(name) for name in pods])
    looks = await attributed(log, {"shop": PlaintextLook(events=events)}, {"shop": shop}, {"shop": OWN}, NOON)
    return looks["shop"].named


async def test_without_an_event_no_log_is_read() -> None:
    log = KeptLog(told={"api-1": (line(NOON),)})

    assert await looked(log) == ()
    assert log.asked == []


async def test_who_caused_an_event_is_named() -> None:
    log = KeptLog(told={"api-1": (line(NOON - SECOND),)})

    (caller,) = await looked(log, event())

    assert caller == PlaintextCaller(workload="api", source="legacy/web", calls=1, last=NOON - SECOND)
    assert log.asked == [("shop/api-1", BEFORE)]


async def test_what_came_before_the_counter_grew_or_after_it_was_read_is_another_looks_matter() -> None:
    log = KeptLog(told={"api-1": (line(BEFORE), line(NOON), line(NOON + SECOND))})

    (caller,) = await looked(log, event())

    assert caller.calls == 1


async def test_an_event_whose_beginning_nobody_knows_is_searched_for_a_bounded_time() -> None:
    log = KeptLog()

    await looked(log, event(since=None))

    assert log.asked == [("shop/api-1", NOON - timedelta(minutes=5))]


async def test_no_log_is_read_for_what_an_exception_accounts_for() -> None:
    log = KeptLog()

    await looked(log, replace(event(), accounted="ana's exception"))

    assert log.asked == []


async def test_no_log_is_read_for_a_caller_that_the_metrics_name() -> None:
    log = KeptLog()

    await looked(log, event(source_workload="web"))

    assert log.asked == []


async def test_no_log_is_read_of_a_pod_that_is_gone() -> None:
    log = KeptLog()

    await looked(log, event("api-9"))

    assert log.asked == []


async def test_few_logs_are_read_in_one_look_those_of_the_last_called_pods() -> None:
    log = KeptLog()
    names = [f"api-{number}" for number in range(MOST_PODS + 3)]
    events = [replace(event(name), at=NOON - number * SECOND) for number, name in enumerate(names)]

    await looked(log, *events, pods=names)

    assert [place for place, _ in log.asked] == [f"shop/{name}" for name in names[:MOST_PODS]]


async def test_each_namespace_has_its_turn() -> None:
    log = KeptLog()
    names = [f"team-{number}" for number in range(MOST_PODS + 1)]
    looks = {name: PlaintextLook(events=(event(),)) for name in names}
    seen = {name: namespace(pods=[pod("api-1")], name=name) for name in names}

    for number in range(len(names)):
        await attributed(log, looks, seen, {}, NOON + number * SECOND)

    assert {place for place, _ in log.asked} == {f"{name}/api-1" for name in names}


async def test_our_own_marked_request_is_nobodys_call() -> None:
    own = line(NOON).replace("GET / ", f"GET {OWN} ")
    log = KeptLog(told={"api-1": (own, line(NOON))})

    (caller,) = await looked(log, event())

    assert caller.calls == 1


async def test_where_no_log_can_be_read_the_caller_stays_unknown() -> None:
    log = KeptLog(failure=Unreachable("the node does not answer"))

    assert await looked(log, event()) == ()
