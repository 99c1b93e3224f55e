"""Does an approval count exactly when it should, and does a refusal say why not?"""

from datetime import timedelta
from typing import Any

import pytest

from policies.approval import (
    Approvers,
    Authors,
    Given,
    Identity,
    Open,
    Person,
    Quorum,
    Realm,
    Unproven,
    Waiting,
    is_approver,
    refusal,
    standing,
)
from policies.people import emails, person
from tests.support.builders import NOON

HOUR = timedelta(hours=1)
ANA = Identity(realm=Realm.CLUSTER, user="ana", groups=("sre",))
ANA_BY_MAIL = Identity(realm=Realm.CLUSTER, user="Ana@shop.example")
ANA_BY_SLACK = Identity(
    realm=Realm.SLACK, user="T1/U1", groups=("T1/S1",), email="ana@shop.example", vouched="rollout-system"
)
BEN_BY_OIDC = Identity(realm=Realm.OIDC, user="7f3", groups=("release",), email="ben@shop.example", vouched="shop")
ROBOT = Identity(realm=Realm.CALLBACK, user="tests-passed", vouched="shop")
AUTHOR = Authors(commit="abc", emails=("ana@shop.example",))


def given(by: Identity, minutes: int = 0) -> Given:
    """An approval at noon, or so many minutes after it."""
    return Given(by=by, at=NOON + timedelta(minutes=minutes))


def refused(quorum: Quorum, new: Identity, *before: Given, authors: Authors | None = None, **when: Any) -> str:
    """Why an approval of `new` at noon is refused at noon, or `after` noon."""
    return refusal(quorum, before, given(new), authors, NOON + when.get("after", timedelta(0)))


@pytest.mark.parametrize(
    ("approvers", "identity"),
    [
        (Approvers(users=("ana",)), ANA),
        (Approvers(groups=("sre",)), ANA),
        (Approvers(emails=("ana@shop.example",)), ANA_BY_MAIL),
        (Approvers(emails=("ana@shop.example",)), ANA_BY_SLACK),
        (Approvers(slack_users=("T1/U1",)), ANA_BY_SLACK),
        (Approvers(slack_groups=("T1/S1",)), ANA_BY_SLACK),
        (Approvers(oidc_groups=("release",)), BEN_BY_OIDC),
        (Approvers(callbacks=("tests-passed",)), ROBOT),
    ],
)
def test_each_list_means_its_own_realm(approvers: Approvers, identity: Identity) -> None:
    everybody = (ANA, ANA_BY_MAIL, ANA_BY_SLACK, BEN_BY_OIDC, ROBOT)

    meant = [one for one in everybody if is_approver(Quorum(approvers=approvers), one)]

    assert identity in meant
    assert meant == [one for one in everybody if one is identity or (approvers.emails and "na@" in f"{one}")]


@pytest.mark.parametrize("realm", [Realm.SLACK, Realm.OIDC, Realm.CALLBACK])
def test_a_name_of_one_realm_is_nobody_in_another(realm: Realm) -> None:
    impostor = Identity(realm=realm, user="ana", groups=("sre",))

    assert not is_approver(Quorum(approvers=Approvers(users=("ana",), groups=("sre",))), impostor)


def test_without_approvers_the_clusters_own_rules_count_for_its_own_users_alone() -> None:
    assert is_approver(Quorum(), ANA)
    assert not any(is_approver(Quorum(), one) for one in (ANA_BY_SLACK, BEN_BY_OIDC, ROBOT))


def test_who_is_listed_by_one_identity_is_so_by_all_that_people_links() -> None:
    ana = Person(name="ana", users=("ana",), slack_users=("T1/U1",))
    only = Approvers(users=("ana",))

    assert is_approver(Quorum(approvers=only, people=(ana,)), ANA_BY_SLACK)
    assert not is_approver(Quorum(approvers=only), ANA_BY_SLACK)


@pytest.mark.parametrize(
    ("people", "who"),
    [
        ((), "e-mail ana@shop.example"),
        ((Person(name="a", emails=("ana@shop.example",)),), "person a"),
        ((Person(name="b", emails=("ana@shop.example",)), Person(name="a", slack_users=("T1/U1",))), "person a"),
    ],
)
def test_an_explicit_entry_says_first_who_that_is(people: tuple[Person, ...], who: str) -> None:
    assert person(people, ANA_BY_SLACK) == who


def test_the_addresses_of_an_entry_are_its_users_too() -> None:
    ana = Person(name="ana", users=("ana",), emails=("ana@home.example",))

    assert emails((ana,), ANA) == {"ana@home.example"}
    assert emails((), ANA) == frozenset()


def test_two_people_over_two_channels_open_a_gate_for_two() -> None:
    quorum = Quorum(approvers=Approvers(users=("ana",), oidc_groups=("release",)), minimum=2)

    one, two = (standing(quorum, some, None, NOON) for some in ([given(ANA)], [given(ANA), given(BEN_BY_OIDC, 1)]))

    assert one == Waiting(needed=2, by=(given(ANA),))
    assert two == Open(by=(given(ANA), given(BEN_BY_OIDC, 1)))


def test_one_person_over_two_channels_counts_once_and_is_told_so() -> None:
    quorum = Quorum(approvers=Approvers(emails=("ana@shop.example",)), minimum=2)

    answer = standing(quorum, [given(ANA_BY_MAIL), given(ANA_BY_SLACK, 1)], None, NOON)

    assert answer == Waiting(needed=2, by=(given(ANA_BY_SLACK, 1),))
    assert refused(quorum, ANA_BY_SLACK, given(ANA_BY_MAIL)) == (
        "slack:ana@shop.example is Ana@shop.example, who approved at 12:00:00 UTC already; "
        "one person counts once, whatever the channel"
    )


def test_an_author_does_not_count_under_four_eyes_whatever_the_channel() -> None:
    quorum = Quorum(approvers=Approvers(emails=("ana@shop.example",)), four_eyes=True)

    assert standing(quorum, [given(ANA_BY_SLACK)], AUTHOR, NOON) == Waiting(needed=1)
    assert refused(quorum, ANA_BY_SLACK, authors=AUTHOR) == (
        "slack:ana@shop.example is author or committer of abc: four eyes need somebody else"
    )


def test_under_four_eyes_somebody_without_an_address_might_be_the_author() -> None:
    linked = Person(name="ana", users=("ana",), emails=("ana@work.example",))

    assert "no e-mail address of ana is known" in refused(Quorum(four_eyes=True), ANA, authors=AUTHOR)
    assert refused(Quorum(four_eyes=True, people=(linked,)), ANA, authors=AUTHOR) == ""


@pytest.mark.parametrize(
    ("authors", "why"),
    [
        (None, "nobody has asked yet whose change it is"),
        (Authors(unproven="its GitSource has no verify"), "its GitSource has no verify"),
        (Authors(commit="abc"), "the commit names no author"),
    ],
)
def test_four_eyes_need_a_proven_author(authors: Authors | None, why: str) -> None:
    quorum = Quorum(four_eyes=True)

    assert standing(quorum, [given(ANA)], authors, NOON) == Unproven(why=why)
    assert why in refused(quorum, ANA, authors=authors)


def test_a_receiver_of_another_namespace_vouches_for_nobody() -> None:
    quorum = Quorum(approvers=Approvers(oidc_groups=("release",)), vouched=("rollout-system",))

    assert standing(quorum, [given(BEN_BY_OIDC)], None, NOON) == Waiting(needed=1)
    assert refused(quorum, BEN_BY_OIDC) == (
        "oidc:ben@shop.example is vouched for by a Receiver of namespace shop; only those of rollout-system count here"
    )


def test_a_stranger_is_told_who_may() -> None:
    quorum = Quorum(approvers=Approvers(groups=("leads", "sec"), slack_users=("T1/U7",)))

    assert refused(quorum, ANA) == "ana is no approver; groups leads, sec; Slack users T1/U7 may approve"


def test_an_approval_counts_for_so_long_and_can_be_given_again() -> None:
    quorum = Quorum(expires_after=HOUR)

    assert standing(quorum, [given(ANA)], None, NOON) == Open(by=(given(ANA),), until=NOON + HOUR)
    assert standing(quorum, [given(ANA)], None, NOON + HOUR) == Waiting(needed=1, lapsed=1)
    assert refusal(quorum, [given(ANA)], given(ANA, 61), None, NOON + 2 * HOUR) == ""


def test_an_approval_that_comes_too_late_has_expired() -> None:
    words = refused(Quorum(expires_after=HOUR), ANA, after=HOUR)

    assert words == "it was given at 12:00:00 UTC and counts for 1h: it has expired; approve again"


def test_a_gate_is_open_until_the_approvals_that_it_needs_lapse() -> None:
    quorum = Quorum(approvers=Approvers(users=("ana",), oidc_groups=("release",)), expires_after=HOUR)

    answer = standing(quorum, [given(ANA), given(BEN_BY_OIDC, 5)], None, NOON + 6 * timedelta(minutes=1))

    assert isinstance(answer, Open)
    assert answer.until == NOON + HOUR + timedelta(minutes=5)
