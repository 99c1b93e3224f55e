"""Have enough of the right people said yes, and may this one say it?

A person counts once, whatever the channel: identities are one person where an explicit entry or a proven e-mail address
says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from policies.people import Approvers, Identity, Person, Realm, emails, is_among, listed_words, person

__all__ = ["Approvers", "Authors", "Given", "Identity", "Person", "Quorum", "Realm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """What one policy asks for. approvers: None for whoever the cluster's own rules let approve.

    four_eyes: author and committer of the change do not count. expires_after: how long an approval counts, and how long
    the gate waits; None for ever. vouched: namespaces whose Receivers may vouch for people, () for those of any.
    """

    approvers: Approvers | None = None
    minimum: int = 1
    four_eyes: bool = False
    expires_after: timedelta | None = None
    people: tuple[Person, ...] = ()
    vouched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An approval: who, and when."""

    by: Identity
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authors:
    """Whose change it is. emails: of author and committer of the commit that asked for it, lower case.

    unproven: why that cannot be believed, "" when it can.
    """

    commit: str = ""
    emails: tuple[str, ...] = ()
    unproven: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Enough have approved. by: one approval of each person, the newest, by time. until: when too few are left; None never."""

    by: tuple[Given, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Too few have approved. by: as of Open. lapsed: people whose approval counts no more because it is too old."""

    needed: int
    by: tuple[Given, ...] = ()
    lapsed: int = 0

    @property
    def missing(self) -> int:
        """How many people must still approve."""
        return self.needed - len(self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Nobody can tell whether an approver is the author. why: for people."""

    why: str


Standing = Open | Waiting | Unproven
NOT_ASKED = "nobody has asked yet whose change it is"


def is_believed(quorum: Quorum, identity: Identity) -> bool:
    """Whether whoever proved the identity may do so here."""
    return identity.realm is Realm.CLUSTER or not quorum.vouched or identity.vouched in quorum.vouched


def is_approver(quorum: Quorum, identity: Identity) -> bool:
    """Whether this one may open or refuse the gate.

    Without approvers it is whoever the cluster's own rules let, which they say of its own users only.
    """
    if not is_believed(quorum, identity):
        return False
    if quorum.approvers is None:
        return identity.realm is Realm.CLUSTER
    return is_among(identity, quorum.approvers, quorum.people)


def standing(quorum: Quorum, given: Iterable[Given], authors: Authors | None, now: datetime) -> Standing:
    """How the gate stands: each person counts once, by the newest approval. authors: None where nobody asked yet."""
    unproven = _unproven(quorum, authors)
    if unproven:
        return Unproven(why=unproven)
    counting = [one for one in given if _counts(quorum, one, authors)]
    fresh = tuple(_newest(quorum, (one for one in counting if not _is_old(quorum, one, now))))
    if len(fresh) < quorum.minimum:
        people = {person(quorum.people, one.by) for one in counting}
        return Waiting(needed=quorum.minimum, by=fresh, lapsed=len(people) - len(fresh))
    until = None
    if quorum.expires_after is not None:
        until = fresh[len(fresh) - quorum.minimum].at + quorum.expires_after
    return Open(by=fresh, until=until)


def refusal(quorum: Quorum, given: Sequence[Given], new: Given, authors: Authors | None, now: datetime) -> str:
    """Why a new approval does not count, for people; "" when it does."""
    by = new.by
    if not is_believed(quorum, by):
        believed = " and ".join(dict.fromkeys(quorum.vouched))
        return (
            f"{by} is vouched for by a Receiver of namespace {by.vouched or '?'}; only those of {believed} count here"
        )
    if not is_approver(quorum, by):
        return f"{by} is no approver; {who(quorum)} may approve"
    unproven = _unproven(quorum, authors)
    if unproven:
        return f"four eyes are asked for, and whose change it is cannot be proven: {unproven}"
    barred = _bars(quorum, by, authors)
    if barred:
        return barred
    if _is_old(quorum, new, now):
        return f"it was given at {_clock(new.at)} and counts for {_span(quorum.expires_after)}: it has expired; approve again"
    me = person(quorum.people, by)
    fresh = (one for one in given if _counts(quorum, one, authors) and not _is_old(quorum, one, now))
    mine = [one for one in fresh if person(quorum.people, one.by) == me]
    if mine:
        said = f"{_same(mine[-1].by, by)} approved at {_clock(mine[-1].at)} already"
        return f"{said}; one person counts once, whatever the channel"
    return ""


def who(quorum: Quorum) -> str:
    """Who may approve, for people."""
    if quorum.approvers is None:
        return "whoever the cluster's RBAC lets approve (its own users; people of other channels must be listed)"
    return listed_words(quorum.approvers)


def lasting(length: timedelta) -> str:
    """A length of time as people read it: "1h 30m"."""
    seconds = round(length.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return " ".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _unproven(quorum: Quorum, authors: Authors | None) -> str:
    """Why four eyes cannot be told apart; "" when they can, or need not."""
    if not quorum.four_eyes:
        return ""
    if authors is None:
        return NOT_ASKED
    return authors.unproven or ("" if authors.emails else "the commit names no author")


def _bars(quorum: Quorum, by: Identity, authors: Authors | None) -> str:
    """Why four eyes keep him from counting; "" when they do not. A callback is a machine: it wrote nothing."""
    if not quorum.four_eyes or authors is None or by.realm is Realm.CALLBACK:
        return ""
    known = emails(quorum.people, by)
    if not known:
        return f"four eyes are asked for, and no e-mail address of {by} is known: list it in spec.people of the policy"
    if known.isdisjoint(address.lower() for address in authors.emails):
        return ""
    return f"{by} is author or committer of {authors.commit[:12] or 'the change'}: four eyes need somebody else"


def _counts(quorum: Quorum, given: Given, authors: Authors | None) -> bool:
    """Whether it counts at all, however old it is."""
    return is_approver(quorum, given.by) and not _bars(quorum, given.by, authors)


def _newest(quorum: Quorum, given: Iterable[Given]) -> Iterator[Given]:
    """One approval of each person, by time; of equal ones the last in the order of their texts."""
    newest: dict[str, Given] = {}
    for one in sorted(given, key=_order):
        newest[person(quorum.people, one.by)] = one
    yield from sorted(newest.values(), key=_order)


def _order(given: Given) -> tuple[datetime, tuple[str, ...]]:
    by = given.by
    return given.at, (by.realm.value, by.user, by.email, by.vouched, *by.groups)


def _is_old(quorum: Quorum, given: Given, now: datetime) -> bool:
    return quorum.expires_after is not None and now >= given.at + quorum.expires_after


def _same(before: Identity, now: Identity) -> str:
    return str(now) if str(before) == str(now) else f"{now} is {before}, who"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"


def _span(length: timedelta | None) -> str:
    return lasting(length) if length is not None else "ever"
