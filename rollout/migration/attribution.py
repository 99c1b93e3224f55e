"""Who was it that spoke plaintext, by the access log of the proxy that was spoken to?

Metrics of sidecars call such a caller "unknown". The log has its address, in Istio's default text format or as JSON. All of
a line may be written by whoever called: what comes of it are addresses, times, and names that the API server knows.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from rollout.migration.graph import EXTERNAL, NODE
from rollout.model.mesh import MeshPod
from rollout.model.migration_marks import PlaintextCaller

FORWARDED, POD = "forwarded", "pod"
LONGEST_LINE = 4096
_LONGEST_ASKED = 200
_FORMER = "outbound_"  # how the server name begins that a proxy of the mesh asks for with mTLS
# The end of a line holds no text of the caller's but the server name: it is read from there, behind the last quote.
_TEXT = re.compile(
    r'^\[(?P<at>[0-9TZ:.+-]{19,35})\] "(?P<asked>.*)"'
    r' "[^"]*" (?P<cluster>[^\s"]+) [^\s"]+ (?P<local>[^\s"]+) (?P<remote>[^\s"]+)'
    r' (?P<sni>[^\s"]+) [^\s"]+$'
)
_JSON_FIELDS = {
    "at": "start_time",
    "asked": "path",
    "authority": "authority",
    "cluster": "upstream_cluster",
    "local": "downstream_local_address",
    "remote": "downstream_remote_address",
    "sni": "requested_server_name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request or connection that came in. remote: address of the caller. local: address and port that it came to.

    asked: host and path, "" for what is no HTTP. forwarded: the address is what a header said, not the connection.
    """

    remote: str
    at: datetime
    asked: str
    local: str
    forwarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has an address: a source as the status names it. since: when it came to be, None when unknown."""

    source: str
    since: datetime | None = None


AddressBook = Mapping[str, tuple[Holder, ...]]


def arrival(line: str) -> Arrival | None:
    """What an access log's line says; None for any other line, for an outbound call, and for one with mTLS."""
    if len(line) > LONGEST_LINE:
        return None
    found = _of_json(line) if line.startswith("{") else _of_text(line)
    if not found or not found["cluster"].lower().startswith("inbound") or found["sni"].startswith(_FORMER):
        return None
    remote, port = _address(found["remote"])
    at = _time(found["at"])
    if not remote or at is None:
        return None
    asked = "" if found["authority"] in ("", "-") else f"{found['authority']}{found['asked']}"
    return Arrival(
        remote=remote,
        at=at,
        asked=_plain(asked)[:_LONGEST_ASKED],
        local=_plain(found["local"])[:_LONGEST_ASKED],
        forwarded=port == "0",  # no connection comes from port 0: it was taken from x-forwarded-for
    )


def address_book(pods: Iterable[MeshPod]) -> AddressBook:
    """Who has which address: live pods before finished ones, nodes before the pods that use their addresses."""
    book: dict[str, list[Holder]] = {}
    nodes: dict[str, str] = {}
    for pod in sorted(pods, key=lambda one: (one.is_finished, one.namespace, one.name)):
        if pod.node_ip and pod.node:
            nodes[_address(f"{pod.node_ip}:1")[0]] = pod.node
        if pod.ip and not pod.host_network:
            holder = Holder(source=_name(pod), since=pod.created)
            book.setdefault(_address(f"{pod.ip}:1")[0], []).append(holder)
    names = {address: (Holder(source=f"{NODE} {node}"),) for address, node in nodes.items()}
    return {address: tuple(holders) for address, holders in book.items()} | names


def source_of(seen: Arrival, book: AddressBook) -> str:
    """ "namespace/workload", "pod namespace/name", "node name", "external address" or "forwarded address".

    Of several that had the address, the first one that was there already.
    """
    if seen.forwarded:
        return f"{FORWARDED} {seen.remote}"
    for holder in book.get(seen.remote, ()):
        if holder.since is None or holder.since <= seen.at:
            return holder.source
    return f"{EXTERNAL} {seen.remote}"


def named(arrivals: Iterable[Arrival], workload: str, book: AddressBook) -> tuple[PlaintextCaller, ...]:
    """The callers of one workload, sorted."""
    found: dict[str, PlaintextCaller] = {}
    for seen in arrivals:
        source = source_of(seen, book)
        known = found.get(source)
        found[source] = PlaintextCaller(
            workload=workload,
            source=source,
            calls=1 + (known.calls if known else 0),
            last=max(seen.at, known.last) if known else seen.at,
        )
    return tuple(found[source] for source in sorted(found))


def namespace_of(source: str) -> str:
    """The namespace that a caller is of, or "external" or "node"; "" for a caller that nobody could name."""
    kind, _, rest = source.partition(" ")
    if kind in (EXTERNAL, FORWARDED):
        return EXTERNAL
    if kind == NODE:
        return NODE
    place = rest if kind == POD else source
    return place.partition("/")[0] if "/" in place else ""


def _name(pod: MeshPod) -> str:
    workload = pod.workload.partition(" ")[2]
    return f"{pod.namespace}/{workload}" if workload else f"{POD} {pod.namespace}/{pod.name}"


def _of_text(line: str) -> Mapping[str, str]:
    found = _TEXT.match(line)
    if found is None:
        return {}
    told = found["asked"]
    words = told.partition('"')[0].split(" ")
    return {**found.groupdict(), "asked": words[1] if len(words) > 1 else "", "authority": told.rpartition(' "')[2]}


def _of_json(line: str) -> Mapping[str, str]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return {name: str(data.get(key) or "-") for name, key in _JSON_FIELDS.items()} if isinstance(data, dict) else {}


def _address(text: str) -> tuple[str, str]:
    """Address and port of "10.0.0.1:80" or "[fd00::1]:80"; "" for what is none."""
    host, _, port = text.rpartition(":")
    try:
        return str(ip_address(host.removeprefix("[").removesuffix("]"))), port
    except ValueError:
        return "", ""


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _plain(text: str) -> str:
    """Without control characters and whatever else a terminal would act on."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
