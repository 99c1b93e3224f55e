"""Does the ledger tell every plaintext request that a scrape can show, and nothing else?"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from policies.ledger import (
    Ledger,
    cross_checked,
    ledger_hold,
    noted,
    resumed,
    retrospect,
    uncertain,
)
from policies.ledger_events import Account, SeenCaller, accounted_for, callers, counting
from tests.support.builders import NOON
from tests.support.plaintext import (
    DAY,
    HOUR,
    INTERVAL,
    LONG_AGO,
    MINUTE,
    SECOND,
    TERMS,
    a_look,
    a_sample,
    an_event,
    looked_at,
    looks,
    scraped_at,
    watched,
)

# Name of the case, its scrapes, and at which of them plaintext must be told: the table of window queries, row by row.
CASES = [
    ("a caller appears once, its series lives for ten minutes", "_ _" + " 1" * 40 + " _ _", [2]),
    ("a new pod, one request, the counter stays 1", ". . 1 1 1 1", [2]),
    ("one single sample", "_ 1 _ _", [1]),
    ("an old counter grew by 1", "5 5 6 6", [2]),
    ("a counter was reset, then one request", "5 5 ! 0 1 1", [3]),
    ("a counter was reset and one request came before the next scrape", "5 5 ! 1 1", [2]),
    ("the proxy restarts, old value 100, new value 1", "100 100 ! 1 1", [2]),
    ("the same, old value 1, new value 1", "1 1 ! 1 1", [2]),
    ("an untouched old counter", "5 5 5 5 5", []),
    ("untouched, with a gap in the scrapes", "5 5 x 5 5", []),
    ("untouched, with a long gap in the scrapes", "5 5" + " x" * 30 + " 5 5", []),
    ("a reset to 0", "5 5 ! 0 0 0", []),
    ("a restart that drops the counter", "5 5 ! _ _ _", []),
    ("a counter that the proxy drops when idle, born anew at its old value", "1 1 _ _ 1 1", [4]),
    ("growth in a gap of the scrapes", "5 x x 6 6", [3]),
    ("a restart in a gap of the scrapes, old value 1, new value 1", "1 x ! x 1 1", [3]),
    ("two restarts, the same value each time", "1 ! 1 ! 1", [1, 2]),
    ("a first look at an old counter", "5 5", []),
]


@pytest.mark.parametrize(("scrapes", "told"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_plaintext_is_told_at_the_scrape_that_shows_it(scrapes: str, told: list[int]) -> None:
    events = watched(scrapes, started=scraped_at(2) - 9 * SECOND if scrapes.startswith(".") else LONG_AGO)

    assert [event.scrape for event in events] == told


@pytest.mark.parametrize(
    ("scrapes", "since", "amount"),
    [
        ("5 5 8", scraped_at(1), 3),
        ("5 x x 8", scraped_at(0), 3),
        ("_ _ 2", scraped_at(1), 2),
        ("5 5 3", scraped_at(1), 3),
        ("5 5 ! 5", scraped_at(2) - 7 * SECOND, 5),
        ("5 ! x 9", scraped_at(1) - 7 * SECOND, 9),
        ("1 _ _ 1", scraped_at(2), 1),
    ],
)
def test_an_event_says_between_which_times_and_how_often_at_least(scrapes: str, since: datetime, amount: float) -> None:
    (told,) = watched(scrapes)

    assert (told.event.since, told.event.amount) == (since, amount)
    assert told.event.at == scraped_at(told.scrape)


@pytest.mark.parametrize(("uptime", "told"), [(DAY - HOUR, 1), (DAY + HOUR, 0)])
def test_a_first_look_tells_of_a_proxy_that_started_within_the_window(uptime: timedelta, told: int) -> None:
    events = watched("4 4 4", started=NOON - uptime)

    assert [(event.scrape, event.event.since) for event in events] == [(0, NOON - uptime)] * told


def test_a_look_that_failed_forgets_nothing_and_owes_a_look_back() -> None:
    before, _ = noted(Ledger(), a_look(a_sample(5)), TERMS, looked_at(0))

    after, events = noted(before, None, TERMS, looked_at(1))

    assert (after.known, after.looked, events) == (before.known, before.looked, ())
    assert after.owed == looked_at(0)


def test_a_look_that_came_late_owes_a_look_back() -> None:
    before, _ = noted(Ledger(), a_look(a_sample(5)), TERMS, looked_at(0))

    after, _ = noted(before, a_look(a_sample(5, scraped_at(3))), TERMS, looked_at(3))

    assert after.owed == looked_at(0)


def test_a_look_from_before_the_former_one_is_ignored() -> None:
    former, _ = noted(Ledger(), a_look(a_sample(5, scraped_at(1))), TERMS, looked_at(1))

    assert noted(former, a_look(a_sample(9)), TERMS, looked_at(0)) == (former, ())
    assert noted(former, None, TERMS, looked_at(0)) == (former, ())


def test_an_older_scrape_in_a_newer_look_changes_nothing() -> None:
    former, _ = noted(Ledger(), a_look(a_sample(5, scraped_at(1))), TERMS, looked_at(1))

    after, events = noted(former, a_look(a_sample(4, scraped_at(0))), TERMS, looked_at(2))

    assert (after.known, events) == (former.known, ())


def test_the_same_scrape_twice_tells_nothing_new() -> None:
    ledger, _ = noted(Ledger(), looks("_")[0], TERMS, looked_at(0))
    look = looks("_ 1")[1]
    once, first = noted(ledger, look, TERMS, looked_at(1))

    twice, second = noted(once, look, TERMS, looked_at(1))

    assert (len(first), second, twice) == (1, (), once)


def test_counters_of_pods_that_are_gone_are_forgotten_after_the_window() -> None:
    ledger, _ = noted(Ledger(), a_look(a_sample(1), a_sample(1, pod="api-1")), TERMS, looked_at(0))

    kept, _ = noted(ledger, a_look(a_sample(1, NOON + DAY)), TERMS, NOON + DAY)
    after, _ = noted(ledger, a_look(a_sample(1, NOON + DAY + MINUTE)), TERMS, NOON + DAY + MINUTE)

    assert [one.pod for one in kept.known] == ["api-0", "api-1"]
    assert [one.pod for one in after.known] == ["api-0"]
    assert [pod for pod, _ in after.scrapes] == ["api-0"]


@pytest.mark.parametrize(("uptime", "told"), [(MINUTE, 1), (89 * MINUTE, 1), (91 * MINUTE, 0)])
def test_a_ledger_that_goes_on_counts_proxies_that_the_look_back_cannot_tell_from_former_ones(
    uptime: timedelta, told: int
) -> None:
    _, events = noted(resumed(NOON - HOUR), a_look(a_sample(1), started=NOON - uptime), TERMS, looked_at(0))

    assert len(events) == told


def test_a_ledger_that_goes_on_gets_what_it_missed_from_the_look_back() -> None:
    ledger, told = noted(resumed(NOON - HOUR), a_look(a_sample(7)), TERMS, looked_at(0))

    paid, events = retrospect(ledger, [a_sample(7)], told, ())

    assert [(event.since, event.at, event.amount) for event in events] == [(None, NOON, 1)]
    assert paid.owed is None


def test_a_look_back_that_failed_stays_owed() -> None:
    ledger, told = noted(resumed(NOON - HOUR), a_look(a_sample(7)), TERMS, looked_at(0))

    assert retrospect(ledger, None, told, ()) == (ledger, ())


def test_a_look_back_before_the_first_look_pays_nothing() -> None:
    assert retrospect(resumed(NOON - HOUR), [], (), ()) == (resumed(NOON - HOUR), ())


def test_the_look_back_says_nothing_twice() -> None:
    told = an_event(NOON)

    assert cross_checked([a_sample(1)], [told], NOON - HOUR, ()) == ()
    assert len(cross_checked([a_sample(1)], [told], NOON, ())) == 1


def test_what_is_known_reaches_as_far_as_the_pod_that_was_scraped_first() -> None:
    look = a_look(reporting={"api-0": scraped_at(1), "api-1": scraped_at(0)})

    ledger, _ = noted(Ledger(), look, TERMS, looked_at(1))

    assert ledger.known_until == scraped_at(0)


@pytest.mark.parametrize(
    ("ledger", "code"),
    [
        (Ledger(), "NoLook"),
        (Ledger(looked=NOON - 31 * SECOND), "LookIsOld"),
        (Ledger(looked=NOON, owed=NOON - HOUR), "LookBackOwed"),
        (Ledger(looked=NOON - 30 * SECOND), None),
    ],
)
def test_silence_is_not_success(ledger: Ledger, code: str | None) -> None:
    hold = ledger_hold(ledger, INTERVAL, NOON)

    assert (hold.code if hold else None) == code


def test_a_counter_whose_proxys_start_is_unknown_proves_nothing() -> None:
    look = a_look(a_sample(1), a_sample(0, pod="api-1"), a_sample(1, pod=""), started=None)
    ledger, _ = noted(Ledger(), look, TERMS, looked_at(0))

    assert uncertain(ledger, look.proxies) == (
        "a plaintext counter does not say of which pod it is: its label is missing",
        "Pod api-0 has counted plaintext, and when its proxy started is unknown",
    )
    assert uncertain(ledger, {"api-0": LONG_AGO, "": LONG_AGO}) == (
        "a plaintext counter does not say of which pod it is: its label is missing",
    )


def test_an_old_counter_of_a_pod_that_was_never_scraped_counts_because_nobody_can_date_it() -> None:
    ledger, _ = noted(Ledger(), a_look(reporting={"api-1": NOON}), TERMS, looked_at(0))

    _, (event,) = noted(ledger, a_look(a_sample(3, scraped_at(1))), TERMS, looked_at(1))

    assert (event.since, event.amount) == (LONG_AGO, 3)
    assert event.why == "a counter: its pod was never scraped before, and it is not 0"


def test_what_is_known_reaches_no_further_than_the_start_of_a_pod_that_was_never_scraped() -> None:
    look = a_look(reporting={"api-0": NOON})
    young = replace(look, proxies={**look.proxies, "api-1": NOON - MINUTE})
    old = replace(look, proxies={**look.proxies, "api-1": LONG_AGO})

    after = [noted(resumed(NOON - HOUR), one, TERMS, looked_at(0))[0] for one in (young, old)]

    assert [ledger.known_until for ledger in after] == [NOON - MINUTE, NOON - HOUR]


def test_what_is_no_number_is_no_scrape() -> None:
    ledger, _ = noted(Ledger(), a_look(a_sample(5)), TERMS, looked_at(0))

    after, events = noted(ledger, a_look(a_sample(float("nan"), scraped_at(1))), TERMS, looked_at(1))

    assert (after.known, events) == (ledger.known, ())


def test_plaintext_that_is_excepted_is_told_but_does_not_count() -> None:
    legacy = Account(name="exception for legacy", covers=lambda labels: labels["destination_workload"] == "api")

    (told,) = watched("_ 1", accounts=(legacy,))

    assert told.event.accounted == "exception for legacy"
    assert counting([told.event, an_event()]) == (an_event(),)


def test_the_first_account_that_covers_an_event_names_it() -> None:
    settled = replace(an_event(), accounted="self-test")
    everything = [Account(name=name, covers=lambda _: True) for name in ("one", "two")]

    assert [event.accounted for event in accounted_for([settled, an_event()], everything)] == ["self-test", "one"]


def test_events_are_grouped_by_who_called_whom() -> None:
    events = [
        an_event(scraped_at(1), amount=2),
        an_event(scraped_at(2), pod="api-1"),
        an_event(scraped_at(0), source_workload="cart", source_workload_namespace="shop"),
        an_event(scraped_at(0), source_workload="batch", source_workload_namespace="jobs"),
        an_event(scraped_at(0), source_workload="", destination_workload=""),
    ]

    assert callers(events) == (
        SeenCaller("api", "cart", 1, scraped_at(0)),
        SeenCaller("api", "jobs/batch", 1, scraped_at(0)),
        SeenCaller("api", "unknown", 3, scraped_at(2)),
        SeenCaller("api-0", "unknown", 1, scraped_at(0)),
    )
