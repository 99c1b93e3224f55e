"""Does the ledger tell all plaintext that a scrape can show, whatever happens to proxies, scrapes and itself?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policies.ledger import Ledger, Look, ledger_hold, noted, resumed, retrospect
from policies.ledger_coverage import Telemetry, coverage
from policies.ledger_events import Event, Sample, counting
from policies.soak import Mark, Seen, Window, clock, soaked
from tests.support.builders import NOON
from tests.support.plaintext import (
    INTERVAL,
    LONG_AGO,
    MINUTE,
    SECOND,
    TERMS,
    a_sample,
    an_event,
    grew_or_born,
    looked_at,
    scraped_at,
)

PODS = ("api-0", "api-1")


@dataclass(frozen=True)
class Interval:
    """What happens to one pod after one scrape and until the next. requests and restarts: seconds after the scrape."""

    requests: tuple[int, ...]
    restart: int | None
    is_scraped: bool


@dataclass
class Proxy:
    """A pod's proxy. requests: those that its counter, which lives since `started`, has counted."""

    started: datetime = LONG_AGO
    requests: list[datetime] = field(default_factory=list)

    def live(self, interval: Interval, since: datetime) -> list[datetime]:
        """The requests that came in, after all that happened."""
        moments = [(since + second * SECOND, "request") for second in interval.requests]
        if interval.restart is not None:
            moments.append((since + interval.restart * SECOND + SECOND / 2, "restart"))
        for at, what in sorted(moments):
            if what == "restart":
                # A kubelet tells starts in whole seconds.
                self.started, self.requests = at.replace(microsecond=0), []
            else:
                self.requests.append(at)
        return [at for at, what in moments if what == "request"]


@dataclass
class World:
    """Two pods, a metrics server, and whoever looks. shown: requests whose counter a complete look has seen alive."""

    proxies: Mapping[str, Proxy] = field(default_factory=lambda: {pod: Proxy() for pod in PODS})
    ledger: Ledger = field(default_factory=Ledger)
    scrapes: list[tuple[datetime, Sample]] = field(default_factory=list)
    sent: list[tuple[str, datetime]] = field(default_factory=list)
    shown: set[tuple[str, datetime]] = field(default_factory=set)
    told: list[Event] = field(default_factory=list)
    exempt: set[tuple[str, datetime]] = field(default_factory=set)

    def pass_interval(self, number: int, intervals: tuple[Interval, ...]) -> list[Sample]:
        """Let time pass until the scrape with that number; the counters that it brings."""
        at, fresh = scraped_at(number), []
        for (pod, proxy), interval in zip(self.proxies.items(), intervals, strict=True):
            self.sent += [(pod, when) for when in proxy.live(interval, scraped_at(number - 1))]
            if interval.is_scraped and proxy.requests:
                fresh.append(a_sample(len(proxy.requests), at, pod))
        self.scrapes += [(at, sample) for sample in fresh]
        return fresh

    def look(self, number: int, fresh: list[Sample], reporting: Mapping[str, datetime]) -> None:
        """Look after the scrape with that number, and back when that is owed."""
        now = looked_at(number)
        look = Look(
            samples=tuple(fresh), proxies={pod: one.started for pod, one in self.proxies.items()}, reporting=reporting
        )
        seen = {(sample.pod, at) for sample in fresh for at in self.proxies[sample.pod].requests}
        if self.ledger.looked is None and self.ledger.judged is None:
            # What a proxy counted before the first look may be older than the window, unless the proxy is younger.
            self.exempt = {
                (pod, at) for pod, one in self.proxies.items() if one.started == LONG_AGO for at in one.requests
            }
        self.ledger, events = noted(self.ledger, look, TERMS, now)
        self.told += events
        if self.ledger.owed is not None:
            back = grew_or_born(self.scrapes, self.ledger.owed, now)
            self.ledger, missed = retrospect(self.ledger, back, events, ())
            self.told += missed
        self.shown |= seen - self.exempt


def catches(event: Event, pod: str, at: datetime) -> bool:
    """Whether the event is, or may be, of that request."""
    return event.labels["pod"] == pod and (event.since is None or event.since <= at) and at <= event.at


INTERVALS = st.builds(
    Interval,
    requests=st.lists(st.integers(3, 12), max_size=2).map(lambda seconds: tuple(sorted(seconds))),
    restart=st.one_of(st.none(), st.sampled_from([1, 2, 7, 13, 14])),
    is_scraped=st.sampled_from([True, True, True, False]),
)
QUIET = st.just(Interval(requests=(), restart=None, is_scraped=True))
STEPS = st.lists(
    st.tuples(
        st.tuples(*[st.one_of(QUIET, INTERVALS) for _ in PODS]),
        st.sampled_from(["look", "look", "look", "fail", "nobody"]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=12,
)
Steps = list[tuple[tuple[Interval, ...], str, bool]]


def lived(steps: Steps) -> World:
    """The world after all steps; the process that looks may be a new one at any of them."""
    world = World()
    for number, (intervals, what, is_new) in enumerate(steps, 1):
        known_until = world.ledger.known_until
        if is_new and known_until is not None:
            world.ledger = resumed(known_until)
        fresh = world.pass_interval(number, intervals)
        reporting = {pod: scraped_at(number) for pod, one in zip(PODS, intervals, strict=True) if one.is_scraped}
        if what == "look":
            world.look(number, fresh, reporting)
        elif what == "fail":
            world.ledger, _ = noted(world.ledger, None, TERMS, looked_at(number))
    return world


@given(STEPS)
def test_plaintext_is_told_by_the_first_look_that_can_show_it(steps: Steps) -> None:
    world = lived(steps)

    missed = [one for one in world.shown if not any(catches(event, *one) for event in world.told)]

    assert missed == []


@given(STEPS)
def test_nothing_is_told_that_did_not_happen(steps: Steps) -> None:
    world = lived(steps)

    for event in world.told:
        assert event.amount <= sum(catches(event, pod, at) for pod, at in world.sent)


@given(STEPS)
def test_the_gate_is_shut_until_somebody_has_looked_at_all_of_the_time(steps: Steps) -> None:
    world = lived([*steps, ((Interval((), None, True),) * 2, "fail", False)])

    assert ledger_hold(world.ledger, INTERVAL, looked_at(len(steps) + 1)) is not None


def part_of(keys: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(keys))


@given(
    st.dictionaries(st.sampled_from(PODS), st.sampled_from([0 * SECOND, MINUTE])),
    st.dictionaries(st.sampled_from(PODS), st.sampled_from([1.0, 0.99, 0.5])),
    st.dictionaries(st.sampled_from(PODS), st.sampled_from([0.0, 1.0])),
    st.dictionaries(st.just("Deployment api"), st.booleans()),
    st.tuples(*[part_of(PODS) for _ in range(3)], st.booleans()),
)
def test_fewer_samples_never_open_a_gate(
    ages: dict[str, timedelta],
    shares: dict[str, float],
    mtls: dict[str, float],
    traffic: dict[str, bool],
    gone: tuple[frozenset[str], frozenset[str], frozenset[str], bool],
) -> None:
    pods = dict.fromkeys(PODS, "Deployment api")
    scrapes = {pod: NOON - age for pod, age in ages.items()}
    all_of_it = coverage(pods, traffic, Telemetry(scrapes=scrapes, shares=shares, mtls=mtls), INTERVAL, NOON)
    less = Telemetry(
        scrapes={pod: at for pod, at in scrapes.items() if pod not in gone[0]},
        shares={pod: share for pod, share in shares.items() if pod not in gone[1]},
        mtls={pod: count for pod, count in mtls.items() if pod not in gone[2]},
    )

    some_of_it = coverage(pods, {} if gone[3] else traffic, less, INTERVAL, NOON)

    assert all_of_it.complete or not some_of_it.complete
    assert len(some_of_it.missing) >= len(all_of_it.missing)


SIGHTS = st.builds(
    Seen,
    events=st.lists(st.integers(-30, 30).map(lambda n: an_event(NOON + n * MINUTE)), max_size=2).map(tuple),
    gap=st.sampled_from(["", "", "", "silence"]),
    changes=st.sampled_from([(), (), ("new Service web",)]),
    complete=st.booleans(),
)
LOOKS = st.lists(st.tuples(SIGHTS, st.integers(0, 60).map(lambda n: NOON + n * MINUTE)), max_size=15)


@given(LOOKS)
def test_the_clock_never_goes_back_and_restarts_on_all_that_is_listed(told: list[tuple[Seen, datetime]]) -> None:
    mark = Mark()
    for seen, now in told:
        after, why = clock(mark, seen, now)

        if mark.clock is not None:
            assert after.clock is not None
            assert after.clock >= mark.clock
        counts = mark.clock is not None and mark.looked is not None and now >= mark.looked
        listed = seen.gap or seen.changes or any(mark.clock and one.at > mark.clock for one in counting(seen.events))
        assert bool(why) is bool(counts and listed)
        assert clock(after, replace(seen, gap="", changes=()), now)[1] == ""
        mark = after


@given(LOOKS, st.integers(1, 30).map(lambda n: n * MINUTE))
def test_no_soak_ends_with_plaintext_in_its_window(told: list[tuple[Seen, datetime]], length: timedelta) -> None:
    mark, heard = Mark(), []
    for seen, now in told:
        if mark.looked is None or now >= mark.looked:
            heard += [event.at for event in seen.events]
        mark, _ = clock(mark, seen, now)

        if soaked(mark, Window(length=length, beyond_cap=()), now) is None:
            assert not [at for at in heard if now - length < at <= now]
