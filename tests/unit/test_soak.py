"""Does the soak end when it was quiet for long enough, and only then?"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from policies.ledger_events import Event
from policies.soak import Mark, Seen, Setting, Skip, Window, changes, clock, gap, skipped, soaked, window
from policies.soak_evidence import Caller, Exempt, Tier, accounted, confidence, tier
from policies.soak_hold import length
from tests.support.builders import NOON
from tests.support.plaintext import DAY, HOUR, INTERVAL, LONG_AGO, MINUTE, SECOND, an_event

QUIET = Seen(events=(), gap="", changes=(), complete=True)
RUNNING = Mark(clock=NOON - HOUR, looked=NOON - MINUTE)
SETTING = Setting(
    workloads=frozenset({"Deployment api"}),
    services=frozenset({"api"}),
    unmeshed_callers=frozenset({"batch"}),
    versions={"Istio": "1.30.3", "Prometheus": "3.5.0"},
    policies={"PeerAuthentication shop/default": "a1"},
)
ENROLLED = NOON - 3 * DAY
YEARLY = Caller(
    name="CronJob batch/taxes",
    period=365 * DAY,
    meshed_statically=True,
    mtls_seen_since_enrolment=True,
    last_success=NOON - DAY,
    enrolled_at=ENROLLED,
)


@pytest.mark.parametrize(
    ("base", "cycle", "periods", "needed", "beyond"),
    [
        (DAY, HOUR, {}, DAY, ()),
        (DAY, 7 * DAY, {}, 7 * DAY, ()),
        (DAY, 7 * DAY, {"hourly": HOUR}, 7 * DAY, ()),
        (DAY, 7 * DAY, {"weekly": 7 * DAY, "daily": DAY}, 14 * DAY, ()),
        (DAY, DAY, {"just": timedelta(days=17, hours=12)}, 35 * DAY, ()),
        (DAY, DAY, {"monthly": 31 * DAY, "yearly": 366 * DAY, "daily": DAY}, 35 * DAY, ("monthly", "yearly")),
        (DAY, DAY, {"never": None}, DAY, ("never",)),
        (60 * DAY, DAY, {"monthly": 31 * DAY}, 60 * DAY, ("monthly",)),
    ],
)
def test_the_window_covers_the_slowest_caller_twice_up_to_the_cap(
    base: timedelta, cycle: timedelta, periods: dict[str, timedelta | None], needed: timedelta, beyond: tuple[str, ...]
) -> None:
    assert window(base, cycle, periods) == Window(length=needed, beyond_cap=beyond)


def test_the_clock_starts_at_the_first_complete_look() -> None:
    waiting, _ = clock(Mark(), replace(QUIET, complete=False), NOON)

    started, why = clock(waiting, QUIET, NOON + MINUTE)

    assert (waiting.clock, waiting.looked) == (None, None)
    assert (started.clock, started.looked, why) == (NOON + MINUTE, NOON + MINUTE, "")


def test_a_quiet_look_lets_the_clock_run() -> None:
    assert clock(RUNNING, QUIET, NOON) == (replace(RUNNING, looked=NOON), "")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (
            replace(
                QUIET, events=(an_event(NOON - MINUTE), an_event(NOON - HOUR + SECOND, destination_workload="old"))
            ),
            "plaintext to api by 2026-11-21 11:59:00: a counter: it is new",
        ),
        (replace(QUIET, gap="2 of 9 proxies were not scraped"), "2 of 9 proxies were not scraped"),
        (replace(QUIET, changes=("new Service web", "new workload web")), "new Service web; new workload web"),
    ],
)
def test_what_the_evidence_does_not_cover_sets_the_clock_back(seen: Seen, why: str) -> None:
    mark, told = clock(RUNNING, seen, NOON)

    assert (mark.clock, mark.restarted, told) == (NOON, why, why)


@pytest.mark.parametrize(
    "event",
    [an_event(NOON - HOUR), replace(an_event(NOON - MINUTE), accounted="self-test")],
    ids=["from before the clock", "accounted for"],
)
def test_what_is_known_or_accounted_for_does_not_set_the_clock_back(event: Event) -> None:
    mark, why = clock(RUNNING, replace(QUIET, events=(event,)), NOON)

    assert (mark.clock, why) == (RUNNING.clock, "")


def test_the_last_event_is_remembered() -> None:
    mark, _ = clock(RUNNING, replace(QUIET, events=(an_event(NOON - MINUTE),)), NOON)
    later, _ = clock(mark, QUIET, NOON + MINUTE)

    assert later.last_event == NOON - MINUTE


@pytest.mark.parametrize("mark", [Mark(), RUNNING])
def test_an_event_that_the_metrics_server_dates_ahead_of_our_clock_is_waited_for(mark: Mark) -> None:
    after, _ = clock(mark, replace(QUIET, events=(an_event(NOON + MINUTE),)), NOON)

    assert after.clock == NOON + MINUTE


def test_a_look_from_before_the_former_one_does_not_move_the_clock() -> None:
    past = NOON - 2 * HOUR

    assert clock(RUNNING, replace(QUIET, gap="silence"), past) == (RUNNING, "")


def test_a_look_that_failed_takes_the_soak_no_further() -> None:
    mark, _ = clock(RUNNING, replace(QUIET, complete=False), NOON + DAY)

    assert mark.looked == RUNNING.looked


@pytest.mark.parametrize(
    ("silent", "of", "is_gap"), [(0, 100, False), (1, 100, False), (2, 100, True), (1, 99, True), (1, 1, True)]
)
def test_a_gap_is_silence_of_more_than_one_percent_of_the_proxies(silent: int, of: int, is_gap: bool) -> None:
    proxies = {f"api-{number}": LONG_AGO for number in range(of)}
    scrapes = {pod: NOON - (31 if number < silent else 30) * SECOND for number, pod in enumerate(proxies)}

    assert bool(gap(proxies, scrapes, INTERVAL, NOON)) is is_gap


def test_a_gap_says_who_was_silent() -> None:
    said = gap({"api-1": None, "api-0": LONG_AGO}, {}, INTERVAL, NOON)

    assert said == "2 of 2 proxies were not scraped for 30 s, api-0 first"


@pytest.mark.parametrize(("age", "is_gap"), [(20 * SECOND, False), (40 * SECOND, True)])
def test_a_proxy_that_has_just_started_is_not_silent_yet(age: timedelta, is_gap: bool) -> None:
    assert bool(gap({"api-0": NOON - age}, {"api-0": NOON - HOUR}, INTERVAL, NOON)) is is_gap


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({}, ()),
        ({"workloads": SETTING.workloads | {"Deployment web"}}, ("new workload Deployment web",)),
        ({"workloads": frozenset[str]()}, ()),
        ({"services": frozenset({"web"})}, ("new Service web",)),
        ({"unmeshed_callers": frozenset({"batch", "jobs"})}, ("unmeshed namespace jobs calls now",)),
        ({"versions": {"Istio": "1.31.0", "Prometheus": "3.5.0"}}, ("Istio went from 1.30.3 to 1.31.0",)),
        ({"versions": {"Istio": "1.30.3"}}, ("Prometheus went from 3.5.0 to none",)),
        (
            {"policies": {"PeerAuthentication shop/default": "b2"}},
            ("PeerAuthentication shop/default is not as it was",),
        ),
        ({"policies": {}}, ("PeerAuthentication shop/default is not as it was",)),
        (
            {"policies": {**SETTING.policies, "DestinationRule shop/api": "c3"}},
            ("DestinationRule shop/api is not as it was",),
        ),
    ],
)
def test_a_change_of_the_setting_is_told(after: dict[str, Any], told: tuple[str, ...]) -> None:
    assert changes(SETTING, replace(SETTING, **after)) == told


@pytest.mark.parametrize(
    ("mark", "code"),
    [
        (Mark(), "SoakNotStarted"),
        (Mark(clock=NOON - 2 * HOUR, looked=NOON), None),
        (Mark(clock=NOON - 2 * HOUR + SECOND, looked=NOON), "Soaking"),
        (Mark(clock=NOON - DAY, looked=NOON - 23 * HOUR), "Soaking"),
        (Mark(clock=NOON - 2 * HOUR + SECOND, looked=NOON + SECOND), "Soaking"),
    ],
)
def test_only_time_in_which_somebody_looked_counts(mark: Mark, code: str | None) -> None:
    hold = soaked(mark, Window(length=2 * HOUR, beyond_cap=()), NOON)

    assert (hold.code if hold else None) == code


def test_a_hold_says_since_when_and_why_the_clock_was_set_back() -> None:
    hold = soaked(replace(RUNNING, restarted="new Service web"), Window(length=DAY, beyond_cap=()), NOON)

    assert hold is not None
    assert hold.sentence == (
        "quiet since 2026-11-21 11:00:00, seen until 2026-11-21 11:59:00: 24 h are needed; "
        "it began again, because of this: new Service web"
    )


def test_a_person_may_skip_the_soak_and_is_remembered() -> None:
    mark = skipped(RUNNING, "ana", "incident 7", NOON)

    assert mark.skipped == Skip(by="ana", reason="incident 7", at=NOON)
    assert soaked(mark, Window(length=DAY, beyond_cap=()), NOON) is None


@pytest.mark.parametrize(
    ("mark", "by", "reason"), [(RUNNING, " ", "late"), (RUNNING, "ana", ""), (Mark(), "ana", "late")]
)
def test_nobody_skips_without_a_name_a_reason_and_a_soak(mark: Mark, by: str, reason: str) -> None:
    with pytest.raises(ValueError, match="soak"):
        skipped(mark, by, reason, NOON)


def test_a_skip_is_void_when_the_clock_is_set_back() -> None:
    mark = skipped(RUNNING, "ana", "incident 7", NOON)

    after, _ = clock(mark, replace(QUIET, events=(an_event(NOON + MINUTE),)), NOON + MINUTE)

    assert after.skipped is None
    assert soaked(after, Window(length=DAY, beyond_cap=()), NOON + MINUTE) is not None


@pytest.mark.parametrize(
    ("facts", "is_accounted"),
    [
        ({}, True),
        ({"meshed_statically": False}, False),
        ({"meshed_statically": None}, False),
        ({"mtls_seen_since_enrolment": False}, False),
        ({"mtls_seen_since_enrolment": None}, False),
        ({"last_success": None}, False),
        ({"last_success": ENROLLED - SECOND}, False),
        ({"last_success": ENROLLED}, True),
        ({"enrolled_at": None}, False),
        ({"meshed_statically": False, "run_on_demand_at": NOON - HOUR}, True),
        ({"meshed_statically": False, "run_on_demand_at": NOON - 2 * HOUR - SECOND}, False),
        ({"meshed_statically": False, "run_on_demand_at": NOON + SECOND}, False),
        ({"meshed_statically": False, "exception": Exempt(owner="ana", expires=date(2026, 11, 22))}, True),
        ({"meshed_statically": False, "exception": Exempt(owner="ana", expires=date(2026, 11, 21))}, False),
        ({"meshed_statically": False, "exception": Exempt(owner="", expires=date(2026, 11, 22))}, False),
    ],
)
def test_a_caller_beyond_the_cap_is_accounted_for_by_one_fact(facts: dict[str, Any], is_accounted: bool) -> None:
    hold = accounted(replace(YEARLY, **facts), NOON - 2 * HOUR, NOON)

    assert (hold is None) is is_accounted


def test_a_run_on_demand_counts_only_while_the_clock_runs() -> None:
    caller = replace(YEARLY, meshed_statically=False, run_on_demand_at=NOON - HOUR)

    assert accounted(caller, None, NOON) is not None


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"meshed_statically": False}, "runs every 365 d, and its pods get no proxy"),
        (
            {"last_success": ENROLLED - DAY},
            "it ran for the last time at 2026-11-17 12:00:00, before it was enrolled at 2026-11-18 12:00:00",
        ),
        ({"period": None, "last_success": None}, "is on no schedule that leads to a call, and it has not run since"),
    ],
)
def test_a_caller_that_is_not_accounted_for_is_told_why(facts: dict[str, Any], said: str) -> None:
    hold = accounted(replace(YEARLY, **facts), NOON - 2 * HOUR, NOON)

    assert hold is not None
    assert said in hold.sentence


@pytest.mark.parametrize(
    ("events", "span", "said"),
    [
        (0, DAY, "no plaintext in 24 h: fewer than 3 calls a day with 95 % certainty"),
        (0, 7 * DAY, "no plaintext in 7 d: fewer than 0.43 calls a day with 95 % certainty"),
        (0, 14 * DAY, "no plaintext in 14 d: fewer than 0.22 calls a day with 95 % certainty"),
        (0, 35 * DAY, "no plaintext in 35 d: fewer than 0.086 calls a day with 95 % certainty"),
        (0, HOUR, "no plaintext in 1 h: fewer than 72 calls a day with 95 % certainty"),
        (4, DAY, "plaintext came 4 times in 24 h"),
        (0, 0 * DAY, "nothing was observed yet"),
    ],
)
def test_confidence_bounds_how_often_plaintext_may_still_come(events: int, span: timedelta, said: str) -> None:
    assert confidence(events, span) == said


@pytest.mark.parametrize(
    ("closure", "history", "quiet", "tiers", "code"),
    [
        (True, None, True, (Tier.CLOSURE, Tier.SOAK), None),
        (None, True, True, (Tier.HISTORY, Tier.SOAK), None),
        (False, True, True, (Tier.HISTORY, Tier.SOAK), None),
        (True, True, True, (Tier.CLOSURE, Tier.HISTORY, Tier.SOAK), None),
        (None, None, True, (Tier.SOAK,), "SoakAlone"),
        (False, None, True, (Tier.SOAK,), "SoakAlone"),
        (True, True, False, (Tier.CLOSURE, Tier.HISTORY), "NotSoaked"),
        (None, None, False, (), "NotSoaked"),
    ],
)
def test_strict_needs_the_soak_and_one_other_tier(
    closure: bool | None, history: bool | None, quiet: bool, tiers: tuple[Tier, ...], code: str | None
) -> None:
    evidence = tier(closure, history, quiet)

    assert evidence.tiers == tiers
    assert (evidence.hold.code if evidence.hold else None) == code


@pytest.mark.parametrize(
    ("span", "said"),
    [(2 * DAY, "2 d"), (DAY, "24 h"), (36 * HOUR, "36 h"), (90 * MINUTE, "90 min"), (45 * SECOND, "45 s")],
)
def test_a_span_is_said_in_the_largest_unit_that_fits(span: timedelta, said: str) -> None:
    assert length(span) == said


def test_an_exception_holds_until_its_day_begins_in_utc() -> None:
    expired = Exempt(owner="ana", expires=date(2026, 11, 21))
    caller = replace(YEARLY, meshed_statically=False, exception=expired)
    before_midnight = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)

    assert accounted(caller, None, before_midnight) is None
