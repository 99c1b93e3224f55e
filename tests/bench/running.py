"""What does one run cost among a crowd that stands still, and how fast are its first and its last weight?

Releases and rollbacks go on at the same time, and each is counted by the name of its objects.
"""

import time
from collections.abc import Collection, Iterator, Sequence

from tests.bench.answering import SCRAPE_S
from tests.bench.crowd import Member
from tests.bench.results import Result
from tests.bench.scene import Calls, Request, Scene, counted, note, own, pass_by, reads
from tests.servers.process import ServerFailedError, eventually

PATIENCE_S = 300.0
WATCHED_S = 45.0  # as long as Flagger and Argo Rollouts were watched after the end
FIVE = [{"weight": weight, "soak": "15s"} for weight in (10, 20, 30, 40, 50)]
LONG = [{"weight": 10, "soak": "2h"}, {"weight": 50, "soak": "2h"}]
SHORTEST_S = 1.0  # what spec.analysis.interval may be at least
EVIDENCE_S = 2 * SCRAPE_S
TIMES = 3  # releases and rollbacks; one costs as long as three
GOOD, BAD = slice(0, TIMES), slice(TIMES, 2 * TIMES)
CHANGED, SEEN_BAD = slice(6, 16), slice(16, 21)
FRESH = 21  # Rollouts that these rows use


def runs_of_their_own(scene: Scene, wanted: Collection[str]) -> Iterator[Result]:
    """The rows `release`, `rollback`, `first` and `bad`."""
    good = scene.crowd[GOOD] if "release" in wanted else ()
    bad = scene.crowd[BAD] if "rollback" in wanted else ()
    mark = scene.server.audit_mark()
    scene.change([*good, *bad], revision="v2", steps=FIVE)
    for one in bad:
        scene.reach(one, PATIENCE_S, weight=20)
        scene.prometheus.turn_bad(f"{one.name}-v2")
    if "first" in wanted:
        yield first_weights(scene, scene.crowd[CHANGED])
    if "bad" in wanted:
        yield last_weights(scene, scene.crowd[SEEN_BAD])
    for one in good:
        scene.reach(one, PATIENCE_S, phase="Idle", stableRevision="v2")
    for one in bad:
        scene.reach(one, PATIENCE_S, phase="Failed")
    if good or bad:
        pass_by(WATCHED_S)
    yield from counts(scene.crowd, scene.requests(mark), good, bad)


def counts(
    crowd: Sequence[Member], requests: Sequence[Request], good: Sequence[Member], bad: Sequence[Member]
) -> Iterator[Result]:
    """Requests of each release and each rolled back run, lease and Events apart."""
    if good:
        totals = tuple(float(_of(crowd, requests, one).total()) for one in good)
        yield Result(measure="requests of a 5-step release", n=1, runs=totals, unit="requests", goal=30)
        asked = reads(counted(requests))
        yield Result(measure="GET and LIST of a 5-step release", n=1, runs=(asked,), unit="requests", goal=0)
    if bad:
        totals = tuple(float(_of(crowd, requests, one).total()) for one in bad)
        yield Result(measure="requests of a run rolled back at step 2", n=1, runs=totals, unit="requests", goal=15)


def _of(crowd: Sequence[Member], requests: Sequence[Request], member: Member) -> Calls:
    """Those for its objects, and those for nobody's: they count for each."""
    others = {one.name for one in crowd} - {member.name}
    calls = own(counted([one for one in requests if one.name not in others]))
    note(f"{member.name}: {dict(calls)}")
    return calls


def first_weights(scene: Scene, members: Sequence[Member]) -> Result:
    """From the change of a Rollout to its first weight, one after the other: both moments as the server received them."""
    seconds = tuple(_first_weight(scene, one) for one in members)
    scene.change(members, revision="v1")
    return Result(measure="change of the Rollout -> first weight", n=1, runs=seconds, unit="s", goal=0.1)


def _first_weight(scene: Scene, member: Member) -> float:
    mark, began = scene.server.audit_mark(), time.time()
    scene.change([member], revision="v2", steps=LONG, analysis={"interval": "60s"})
    answered = time.time()
    seconds = _written(scene, member, mark).moment - began
    note(f"first weight after {seconds:.3f} s, {answered - began:.3f} of them until the change was answered")
    return round(seconds, 3)


def last_weights(scene: Scene, members: Sequence[Member]) -> Result:
    """From the scrape that shows a bad metric to weight 0, at the shortest interval; bad at all moments between scrapes."""
    for one in members:
        scene.change([one], revision="v2", steps=LONG, analysis={"interval": f"{SHORTEST_S:g}s"})
        pass_by(SHORTEST_S / len(members))  # so that they are looked at in turn
    for one in members:
        scene.reach(one, PATIENCE_S, weight=10)
    pass_by(EVIDENCE_S)
    seconds = tuple(
        _last_weight(scene, one, (number + 0.5) / len(members) * SCRAPE_S) for number, one in enumerate(members)
    )
    note(f"weight 0 after {', '.join(f'{one:.3f}' for one in seconds)} s from the scrape that shows it")
    return Result(measure="metric visibly bad -> weight 0", n=1, runs=seconds, unit="s", goal=SHORTEST_S + 0.3)


def _last_weight(scene: Scene, member: Member, after_scrape_s: float) -> float:
    """It turns bad so long after a scrape; the next one shows it."""
    pass_by((after_scrape_s - time.time()) % SCRAPE_S)
    mark, shown_at = scene.server.audit_mark(), (time.time() // SCRAPE_S + 1) * SCRAPE_S
    scene.prometheus.turn_bad(f"{member.name}-v2")
    seconds = _written(scene, member, mark).moment - shown_at
    if (weight := scene.canary_weight(member)) > 0:
        raise ServerFailedError(f"{member.name} turned bad, and its route was written with weight {weight}")
    return round(seconds, 3)


def _written(scene: Scene, member: Member, since: int) -> Request:
    """The first write of its route since a mark."""

    def writes() -> list[Request]:
        return [one for one in scene.requests(since) if (one.resource, one.name) == ("virtualservices", member.name)]

    if not eventually(lambda: bool(writes()), PATIENCE_S):
        raise ServerFailedError(f"the route of {member.name} was not written: {scene.status(member)}")
    return writes()[0]
