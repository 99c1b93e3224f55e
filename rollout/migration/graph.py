"""Who calls whom among the namespaces?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

EXTERNAL = "external"  # callers from outside the cluster, or such that nobody could name
NODE = "node"  # callers with a node's address: kubelets, host networks, NodePorts
PSEUDO: frozenset[str] = frozenset({EXTERNAL, NODE})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Call:
    """One namespace was seen calling another, or itself. seen_mtls: whether all its calls came with mTLS; None unknown.

    caller: EXTERNAL or NODE where it is no namespace.
    """

    caller: str
    callee: str
    seen_mtls: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The graph, by both ends; made by `calls_of`. plaintext: (caller, callee) pairs whose calls came without mTLS."""

    callers: Mapping[str, tuple[str, ...]]
    callees: Mapping[str, tuple[str, ...]]
    neighbours: Mapping[str, frozenset[str]]
    plaintext: frozenset[tuple[str, str]]

    def callers_of(self, namespace: str) -> tuple[str, ...]:
        """Who calls it, sorted; itself among them where it calls itself, and EXTERNAL and NODE."""
        return self.callers.get(namespace, ())

    def callees_of(self, namespace: str) -> tuple[str, ...]:
        """Whom it calls, sorted; itself among them where it calls itself."""
        return self.callees.get(namespace, ())

    def neighbours_of(self, namespace: str) -> frozenset[str]:
        """The other namespaces that call it or are called by it."""
        return self.neighbours.get(namespace, frozenset())

    def adjacent(self, one: str, other: str) -> bool:
        """Whether one of the two calls the other. Nothing is adjacent to itself, to EXTERNAL or to NODE."""
        return other in self.neighbours_of(one)


def calls_of(seen: Iterable[Call], blocked: frozenset[tuple[str, str]] = frozenset()) -> Calls:
    """The graph of all that was seen. blocked: (caller, callee) pairs that a NetworkPolicy keeps apart: they call no more."""
    callers: dict[str, set[str]] = {}
    callees: dict[str, set[str]] = {}
    neighbours: dict[str, set[str]] = {}
    plaintext = set()
    for call in seen:
        pair = (call.caller, call.callee)
        if pair in blocked:
            continue
        callers.setdefault(call.callee, set()).add(call.caller)
        callees.setdefault(call.caller, set()).add(call.callee)
        if call.seen_mtls is False:
            plaintext.add(pair)
        if call.caller != call.callee and call.caller not in PSEUDO:
            neighbours.setdefault(call.caller, set()).add(call.callee)
            neighbours.setdefault(call.callee, set()).add(call.caller)
    return Calls(
        callers={name: tuple(sorted(names)) for name, names in callers.items()},
        callees={name: tuple(sorted(names)) for name, names in callees.items()},
        neighbours={name: frozenset(names) for name, names in neighbours.items()},
        plaintext=frozenset(plaintext),
    )
