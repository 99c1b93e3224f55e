"""How does a command reach the cluster, and how does its result become an exit code?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from rollout.cli.errors import Exit, translated
from rollout.cli.options import Access

if TYPE_CHECKING:
    from rollout.model.names import Key
    from rollout.wiring.tools import Cluster

Work = Callable[["Cluster"], Awaitable[Exit | None]]


def run(access: Access, work: Work) -> None:
    """Connect, do the work, disconnect, and end the command with the exit code that it returned (None is 0)."""

    async def connected_work() -> Exit | None:
        from rollout.wiring.tools import connected

        async with connected(access.kubeconfig, access.context) as cluster:
            return await work(cluster)

    with translated(as_json=access.as_json):
        code = asyncio.run(connected_work())
    if code:
        click.get_current_context().exit(int(code))


def scope(access: Access, cluster: "Cluster") -> str:
    """The namespace to look in; "" for all of them."""
    return "" if access.all_namespaces else access.namespace or cluster.namespace


def key(access: Access, cluster: "Cluster", name: str) -> "Key":
    """The Rollout that a command names."""
    from rollout.model.names import Key

    return Key(namespace=access.namespace or cluster.namespace, name=name)
