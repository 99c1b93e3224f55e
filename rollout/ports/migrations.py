"""Where do MeshMigrations live, how is their fleet seen, and how is it changed?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rollout.model.mesh import MeshNamespace, PeerAuth
from rollout.model.mesh_writes import MeshWrite, Snapshot
from rollout.model.migration import MigrationSpec, MigrationStatus, Proven
from rollout.model.migration_seen import Budget, CronCaller


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMigration:
    """A MeshMigration as stored. spec: None when it cannot be read; `error` then says what, where and what next.

    is_status_readable: False where a newer version wrote it; nothing is done then.
    """

    name: str
    uid: str
    version: str
    generation: int
    spec: MigrationSpec | None
    status: MigrationStatus
    error: str = ""
    deleting: bool = False
    is_status_readable: bool = True


class Migrations(Protocol):
    """MeshMigrations: read from the cache, written with conflicts."""

    def get(self, name: str) -> StoredMigration | None:
        """The newest known one; None when there is none. Makes no request."""

    def names(self) -> tuple[str, ...]:
        """All of them, sorted. Makes no request."""

    async def save(self, stored: StoredMigration, status: MigrationStatus) -> StoredMigration:
        """The MeshMigration with `status` saved; Conflict when somebody wrote since `stored.version`."""


class MeshCluster(Protocol):
    """The fleet as last seen. Makes no request."""

    def namespace(self, name: str) -> MeshNamespace:
        """The namespace with its pods, workloads and policies; `exists` is False when there is none."""

    def raw(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """Its PeerAuthentications and workloads as they were read."""

    def root(self, namespace: str) -> tuple[PeerAuth, ...]:
        """The PeerAuthentications of the mesh's own namespace, sorted by name."""

    def meshed(self) -> frozenset[str]:
        """Namespaces of the whole cluster that have pods, each with a proxy."""

    def is_caught_up(self, namespace: str) -> bool:
        """Whether the watch has shown our last writes to the namespace's objects."""


class MeshWrites(Protocol):
    """Changes to the fleet."""

    async def write(self, write: MeshWrite, migration: str, owner: str) -> None:
        """Do it. Conflict when the object is not as it was seen; what is gone already, or there already, is fine.

        migration: its name, which marks what is created. owner: its uid.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of one namespace's move outside of the status. version: of the object that holds it."""

    snapshot: Snapshot | None = None
    proofs: tuple[Proven, ...] = ()
    version: str = ""


class Records(Protocol):
    """The durable records: snapshots and proofs, an object of its own for each namespace."""

    async def read(self, migration: str, namespace: str) -> Record:
        """The record; an empty one when there is none."""

    async def keep(self, migration: str, namespace: str, record: Record) -> Record:
        """The record as stored, once it is durable; Conflict when somebody wrote since `record.version`."""


class Budgets(Protocol):
    """What SloPolicies let callers lose. Makes no request."""

    def budgets(self, policies: tuple[str, ...]) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
        """The budgets of the controller's SloPolicies with these names, and a sentence for each one that gives none."""


class Inventory(Protocol):
    """Objects of all kinds that the preflight checks look at."""

    async def objects(self, root: str) -> tuple[Mapping[str, tuple[Mapping[str, Any], ...]], Mapping[str, str]]:
        """All objects by kind, and the kinds that could not be read with the reason. root: the mesh's own namespace."""

    async def periods(self, now: datetime) -> tuple[CronCaller, ...]:
        """Every CronJob of the cluster with the longest gap between two of its runs, sorted."""

    async def webhooks(self) -> Mapping[str, tuple[str, ...]]:
        """The names of all admission webhooks, sorted, by the namespace of the Service that the API server calls for them."""
