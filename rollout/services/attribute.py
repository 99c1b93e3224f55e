"""Who are the callers that the metrics cannot name? The log of the proxy that they spoke to is asked, and only then."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policies.ledger_events import UNKNOWN, Event, counting
from rollout.migration.attribution import address_book, arrival, named
from rollout.model.mesh import MeshNamespace
from rollout.model.migration_marks import PlaintextCaller
from rollout.model.migration_seen import PlaintextLook
from rollout.ports.caller_log import CallerLog
from rollout.ports.errors import PortError

MOST_PODS = 5  # asked in one look at the fleet
AT_MOST = timedelta(minutes=5)  # so far back a log is read: what was called earlier may be rotated away


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One pod whose log is to be read, and between which moments its counter grew."""

    namespace: str
    pod: str
    workload: str
    since: datetime
    until: datetime


async def attributed(
    log: CallerLog,
    looks: Mapping[str, PlaintextLook],
    seen: Mapping[str, MeshNamespace],
    marks: Mapping[str, str],
    now: datetime,
) -> dict[str, PlaintextLook]:
    """The looks, with the callers that logs could name. Where none can be read, the callers stay unknown.

    marks: the path of our own marked request to each namespace, which is no caller's.
    """
    asked = [some for name in sorted(looks) if (some := _unknown(looks[name], seen[name], now))]
    first = int(now.timestamp()) % max(len(asked), 1)  # each namespace has its turn
    pods = [one for some in (*asked[first:], *asked[:first]) for one in some][:MOST_PODS]
    told = await asyncio.gather(*(_lines(log, one) for one in pods))
    if not any(told):
        return dict(looks)
    book = address_book(log.pods())
    named_in: dict[str, list[PlaintextCaller]] = {}
    for one, lines in zip(pods, told, strict=True):
        own = marks.get(one.namespace)
        came = [come for line in lines if (come := arrival(line)) and one.since < come.at <= one.until]
        arrivals = [come for come in came if not own or not come.asked.endswith(own)]
        named_in.setdefault(one.namespace, []).extend(named(arrivals, one.workload, book))
    return {name: replace(look, named=tuple(sorted(named_in.get(name, ())))) for name, look in looks.items()}


def _unknown(look: PlaintextLook, namespace: MeshNamespace, now: datetime) -> list[_Asked]:
    """The pods of the namespace to which somebody spoke whom the metrics cannot name, those that were called last first."""
    live = {pod.name for pod in namespace.pods if pod.meshed and not pod.is_finished}
    events: dict[str, list[Event]] = {}
    for event in counting(look.events):
        pod = event.labels.get("pod", "")
        if pod in live and event.labels.get("source_workload", UNKNOWN) == UNKNOWN:
            events.setdefault(pod, []).append(event)
    asked = [
        _Asked(
            namespace=namespace.name,
            pod=pod,
            workload=told[0].labels.get("destination_workload") or pod,
            since=max(now - AT_MOST, min(one.since or now - AT_MOST for one in told)),
            until=max(one.at for one in told),
        )
        for pod, told in events.items()
    ]
    return sorted(asked, key=lambda one: (-one.until.timestamp(), one.pod))


async def _lines(log: CallerLog, one: _Asked) -> tuple[str, ...]:
    try:
        return await log.lines(one.namespace, one.pod, one.since)
    except PortError:
        return ()
