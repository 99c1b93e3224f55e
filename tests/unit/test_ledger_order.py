"""Does the ledger keep its head when clocks, answers and scrapes come in the wrong order?"""

from datetime import datetime

import pytest

from policies.ledger import Ledger, Look, noted
from policies.ledger_events import Event
from tests.support.builders import NOON
from tests.support.plaintext import DAY, LONG_AGO, MINUTE, SECOND, TERMS, a_look, a_sample, looked_at, scraped_at


def told(*looks: Look) -> list[tuple[Event, ...]]:
    """What each look tells a ledger that starts with the first of them."""
    ledger, answers = Ledger(), []
    for number, look in enumerate(looks):
        ledger, events = noted(ledger, look, TERMS, looked_at(number))
        answers.append(events)
    return answers


def same_value(number: int, started: datetime | None = LONG_AGO) -> Look:
    """The look after that scrape, which brought the counter at 1."""
    return a_look(a_sample(1, scraped_at(number)), started=started)


def nothing(last_scrape: datetime) -> Look:
    """A look that brought no counter; the pod was scraped then for the last time."""
    return a_look(reporting={"api-0": last_scrape})


@pytest.mark.parametrize("restarted", [NOON + SECOND, NOON], ids=["after the scrape", "in the same second"])
def test_a_scrape_of_the_former_proxy_is_not_put_down_to_the_new_one(restarted: datetime) -> None:
    # The list of pods was read after the restart, the counter was scraped before it.
    first, second = told(same_value(0, restarted), same_value(1, restarted))

    assert (len(first), len(second)) == (0, 1)


def test_a_restart_is_told_as_soon_as_the_start_is_known() -> None:
    answers = told(same_value(0), same_value(1, None), same_value(2, scraped_at(0) + SECOND))

    assert [len(events) for events in answers] == [0, 0, 1]


def test_a_pod_that_was_not_scraped_since_has_not_lost_its_counter() -> None:
    answers = told(same_value(0), nothing(scraped_at(0)), same_value(2))

    assert answers == [(), (), ()]


def test_an_old_scrape_does_not_hide_that_the_counter_had_gone() -> None:
    answers = told(same_value(0), nothing(scraped_at(1)), same_value(0), same_value(3))

    assert [len(events) for events in answers] == [0, 0, 0, 1]


def test_what_is_known_does_not_shrink_when_an_older_answer_comes() -> None:
    ledger, _ = noted(Ledger(), nothing(scraped_at(1)), TERMS, looked_at(1))

    after, _ = noted(ledger, nothing(scraped_at(0)), TERMS, looked_at(2))

    assert after.known_until == scraped_at(1)


@pytest.mark.parametrize(("was_scraped", "is_known"), [(False, True), (True, False)])
def test_a_counter_of_a_living_pod_is_forgotten_after_the_window_only_when_it_had_gone(
    was_scraped: bool, is_known: bool
) -> None:
    later = NOON + DAY + MINUTE
    ledger, _ = noted(Ledger(), same_value(0), TERMS, looked_at(0))

    after, _ = noted(ledger, nothing(later if was_scraped else NOON), TERMS, later)

    assert bool(after.known) is is_known
