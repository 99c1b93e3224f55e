"""How does a test make a fleet of namespaces and name only what matters to it?"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from rollout.migration.fleet import Fleet
from rollout.migration.graph import Call, Calls, calls_of
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import FreezeWindow
from rollout.model.migration import Exemption, MigrationSpec, MigrationStatus, NamespaceStatus, Stage, Wave
from tests.support.builders import NOON


def a_wave(name: str, *namespaces: str, concurrency: int = 1, approval: str = "") -> Wave:
    """A wave of these namespaces, one changing at a time."""
    return Wave(name=name, namespaces=namespaces, concurrency=concurrency, approval=approval)


def calling(*pairs: str) -> Calls:
    """The graph of calls such as "web>shop"."""
    ends = [pair.split(">") for pair in pairs]
    return calls_of(Call(caller=caller, callee=callee) for caller, callee in ends)


def an_exemption(namespace: str, **changes: Any) -> Exemption:
    """Port 9090 of app=legacy in the namespace, until long after NOON."""
    made = Exemption(
        namespace=namespace, workload={"app": "legacy"}, port=9090, owner="team-x", expires=date(2027, 3, 1)
    )
    return replace(made, **changes)


def a_fleet(
    *waves: Wave,
    stages: Mapping[str, Stage] | None = None,
    exceptions: Iterable[Exemption] = (),
    suspend: bool = False,
    calls: Calls | None = None,
    enrolled: Iterable[str] = (),
    rollouts: Mapping[str, tuple[str, ...]] | None = None,
    frozen: str = "",
    freezes: tuple[FreezeWindow, ...] = (),
    approvals: Mapping[str, ApprovalPolicy] | None = None,
    **status: Any,
) -> Fleet:
    """These waves at NOON; every namespace is Pending but for `stages`. status: further fields of the MigrationStatus."""
    spec = MigrationSpec(name="to-strict", waves=waves, exceptions=tuple(exceptions), suspend=suspend)
    known = tuple(NamespaceStatus(name=name, stage=stage) for name, stage in (stages or {}).items())
    return Fleet(
        spec=spec,
        status=MigrationStatus(**{"namespaces": known, **status}),
        calls=calls or calling(),
        enrolled=frozenset(enrolled),
        rollouts=rollouts or {},
        frozen=frozen,
        freezes=freezes,
        approvals=approvals or {},
        now=NOON,
    )


def put(fleet: Fleet, name: str, **changes: Any) -> Fleet:
    """The fleet with another status of one namespace."""
    others = tuple(one for one in fleet.status.namespaces if one.name != name)
    status = replace(fleet.status, namespaces=(*others, replace(fleet.kept[name], **changes)))
    return replace(fleet, status=status)
