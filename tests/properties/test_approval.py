"""Does a gate count people rightly whatever identities approve in whatever order?"""

from dataclasses import fields, replace
from datetime import timedelta
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

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
    is_approver,
    refusal,
    standing,
)
from policies.people import person
from tests.support.builders import NOON
from tests.support.examples import examples

MINUTE = timedelta(minutes=1)
_ADDRESSES = ("ana@x.example", "ben@x.example", "eve@x.example")
_USERS = ("ana", "ben", "ana@x.example", "T1/U1", "T1/U2")
_some = st.lists(st.sampled_from(_USERS), max_size=3, unique=True).map(tuple)
_addresses = st.lists(st.sampled_from(_ADDRESSES), max_size=2, unique=True).map(tuple)
_groups = st.lists(st.sampled_from(("g1", "g2")), max_size=2, unique=True).map(tuple)

_identities = st.builds(
    Identity,
    realm=st.sampled_from(Realm),
    user=st.sampled_from(_USERS),
    groups=_groups,
    email=st.sampled_from(("", *_ADDRESSES)),
    vouched=st.sampled_from(("", "shop", "home")),
)
_people = st.lists(
    st.builds(Person, name=st.sampled_from(("ana", "ben")), users=_some, emails=_addresses, slack_users=_some),
    max_size=2,
).map(tuple)
_approvers = st.builds(
    Approvers,
    users=_some,
    groups=_groups,
    oidc_groups=_groups,
    slack_users=_some,
    slack_groups=_groups,
    emails=_addresses,
    callbacks=_some,
)
_quorums = st.builds(
    Quorum,
    approvers=st.none() | _approvers,
    minimum=st.integers(1, 3),
    four_eyes=st.booleans(),
    expires_after=st.none() | st.just(30 * MINUTE),
    people=_people,
    vouched=st.sampled_from(((), ("home",), ("shop", "home"))),
)
_given = st.lists(
    st.builds(Given, by=_identities, at=st.integers(0, 60).map(lambda minutes: NOON + minutes * MINUTE)), max_size=6
)
_authors = st.none() | st.builds(Authors, commit=st.just("abc"), emails=_addresses, unproven=st.sampled_from(("", "?")))
NOW = NOON + 60 * MINUTE


@examples(300)
@given(_quorums, _given, _authors, st.randoms(use_true_random=False))
def test_the_order_in_which_approvals_come_does_not_matter(
    quorum: Quorum, some: list[Given], authors: Authors | None, chance: Random
) -> None:
    other = list(some)
    chance.shuffle(other)

    assert standing(quorum, some, authors, NOW) == standing(quorum, other, authors, NOW)


@examples(300)
@given(_quorums, _given, _authors)
def test_each_person_counts_once_and_is_an_approver(quorum: Quorum, some: list[Given], authors: Authors | None) -> None:
    answer = standing(quorum, some, authors, NOW)

    counted = () if isinstance(answer, Unproven) else answer.by
    people = [person(quorum.people, one.by) for one in counted]
    assert len(people) == len(set(people))
    assert all(is_approver(quorum, one.by) for one in counted)
    assert isinstance(answer, Open) is (len(people) >= quorum.minimum)


@examples(300)
@given(_quorums, _given, _identities, _authors)
def test_adding_an_approval_never_closes_a_gate(
    quorum: Quorum, some: list[Given], by: Identity, authors: Authors | None
) -> None:
    before = standing(quorum, some, authors, NOW)

    after = standing(quorum, [*some, Given(by=by, at=NOW)], authors, NOW)

    assert isinstance(after, Open) or not isinstance(before, Open)


@examples(300)
@given(_quorums, _given, _authors, st.data())
def test_removing_people_from_who_may_approve_never_opens_a_gate(
    quorum: Quorum, some: list[Given], authors: Authors | None, data: st.DataObject
) -> None:
    assume(quorum.approvers is not None)
    assert quorum.approvers is not None
    field = data.draw(st.sampled_from([one.name for one in fields(Approvers)]))
    fewer = replace(quorum, approvers=replace(quorum.approvers, **{field: getattr(quorum.approvers, field)[1:]}))

    before, after = standing(quorum, some, authors, NOW), standing(fewer, some, authors, NOW)

    assert isinstance(before, Open) or not isinstance(after, Open)


@examples(300)
@given(_quorums, _given, _identities, _authors)
def test_what_is_not_refused_counts_for_one_more_person(
    quorum: Quorum, some: list[Given], by: Identity, authors: Authors | None
) -> None:
    new = Given(by=by, at=NOW)
    words = refusal(quorum, some, new, authors, NOW)

    assert _count(quorum, [*some, new], authors) == _count(quorum, some, authors) + (not words)


def _count(quorum: Quorum, some: list[Given], authors: Authors | None) -> int:
    answer = standing(quorum, some, authors, NOW)
    return 0 if isinstance(answer, Unproven) else len(answer.by)
