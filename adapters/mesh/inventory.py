"""Which objects does the API server have that the preflight checks look at? Listed when asked, a page at a time."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.kube.objects import KubeObjects
from policies.periods import longest_gap
from rollout.migration.preflight.catalogue import KINDS
from rollout.model.migration_seen import CronCaller
from rollout.ports.errors import KindAbsent, NotFound, PortError

_AT_ONCE = 4  # lists under way: the checks run beside everything else that the API server does
# Of these kinds only what is named is read: a list of all ConfigMaps is nobody's business.
_NAMED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ConfigMap": (("", "istio"), ("", "istio-sidecar-injector"), ("kube-system", "cilium-config")),
}


class KubeInventory:
    """`ports.migrations.Inventory` on an API server."""

    def __init__(self, objects: KubeObjects) -> None:
        self._objects = objects

    async def objects(self, root: str) -> tuple[Mapping[str, tuple[Mapping[str, Any], ...]], Mapping[str, str]]:
        """All objects by kind, and the kinds that could not be read with the reason. root: the mesh's own namespace."""
        found: dict[str, tuple[Mapping[str, Any], ...]] = {}
        unread: dict[str, str] = {}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(kind: str) -> None:
            async with gate:
                try:
                    found[kind] = await self._of_kind(kind, root)
                except KindAbsent:
                    found[kind] = ()
                except PortError as error:
                    unread[kind] = str(error)

        await asyncio.gather(*(one(kind) for kind in sorted(KINDS)))
        return found, unread

    async def _of_kind(self, kind: str, root: str) -> tuple[Mapping[str, Any], ...]:
        if kind not in _NAMED:
            return await self._objects.list(kind)
        found = []
        for namespace, name in _NAMED[kind]:
            try:
                found.append(await self._objects.get(kind, namespace or root, name))
            except KindAbsent:
                raise
            except NotFound:
                continue
        return tuple(found)

    async def periods(self, now: datetime) -> tuple[CronCaller, ...]:
        """Every CronJob of the cluster with the longest gap between two of its runs, sorted.

        One whose schedule or time zone cannot be read is taken for one of which nobody knows when it runs.
        """
        try:
            jobs = await self._objects.list("CronJob")
        except KindAbsent:
            return ()
        return tuple(_caller(job, now) for job in jobs)

    async def webhooks(self) -> Mapping[str, tuple[str, ...]]:
        """The names of all admission webhooks, sorted, by the namespace of the Service that the API server calls for them."""
        found: dict[str, set[str]] = {}
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for configuration in await self._objects.list(kind):
                for entry in configuration.get("webhooks") or ():
                    service = (entry.get("clientConfig") or {}).get("service") or {}
                    if service.get("namespace"):
                        found.setdefault(service["namespace"], set()).add(entry["name"])
        return {namespace: tuple(sorted(names)) for namespace, names in found.items()}


def _caller(job: Mapping[str, Any], now: datetime) -> CronCaller:
    metadata, spec, status = job["metadata"], job.get("spec") or {}, job.get("status") or {}
    ran = status.get("lastSuccessfulTime")
    try:
        longest = longest_gap(str(spec.get("schedule", "")), _zone(spec.get("timeZone")), now)
    except (ValueError, ZoneInfoNotFoundError):
        longest = None
    return CronCaller(
        namespace=metadata["namespace"],
        name=metadata["name"],
        longest=longest,
        ran=datetime.fromisoformat(ran) if ran else None,
    )


def _zone(name: object) -> tzinfo:
    return ZoneInfo(str(name)) if name else UTC
