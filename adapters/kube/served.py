"""Where does this API server keep a kind that a person or a manifest names?"""

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters.kube.api import KubeApi
from adapters.kube.discovery import Discovery
from adapters.kube.kinds import KINDS, Kind
from rollout.ports.errors import KindAbsent, NotFound
from rollout.ports.objects import Obj

_RBAC = "rbac.authorization.k8s.io"
# What `rollout install` writes besides the kinds that the controller reads; any other kind is asked for.
_INSTALLED: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="ServiceAccount", group="", plural="serviceaccounts"),
        Kind(name="ConfigMap", group="", plural="configmaps"),
        Kind(name="PodDisruptionBudget", group="policy", plural="poddisruptionbudgets"),
        Kind(name="NetworkPolicy", group="networking.k8s.io", plural="networkpolicies"),
        Kind(name="Role", group=_RBAC, plural="roles"),
        Kind(name="RoleBinding", group=_RBAC, plural="rolebindings"),
        Kind(name="ClusterRole", group=_RBAC, plural="clusterroles", namespaced=False),
        Kind(name="ClusterRoleBinding", group=_RBAC, plural="clusterrolebindings", namespaced=False),
    )
}


class ServedKinds:
    """Kinds by name or by manifest; what the server said once is remembered."""

    def __init__(self, api: KubeApi, also: Mapping[str, Kind]) -> None:
        """also: kinds that the server need not be asked for, by name, besides those that we know."""
        self._api = api
        self._known = {**KINDS, **_INSTALLED, **also}
        self._discovery = Discovery(api)
        self._versions: dict[str, str] = {}
        self._resources: dict[str, tuple[Kind, ...]] = {}

    async def kind(self, name: str) -> Kind:
        """The kind of this name; one that we do not know is looked for in all groups. KindAbsent when there is none."""
        known = self._known.get(name)
        if known is not None:
            return known
        answers = await asyncio.gather(*(self._served(version) for version in await self._preferred()))
        for kind in (kind for kinds in answers for kind in kinds if kind.name == name):
            return kind
        raise KindAbsent(f"the API server serves no kind {name}; install its CustomResourceDefinition")

    async def versions(self, kind: Kind) -> tuple[str, ...]:
        """The versions worth asking for, best first; the one that worked alone once it is known."""
        if kind.name in self._versions:
            return (self._versions[kind.name],)
        return kind.versions if len(kind.versions) == 1 else await self._discovery.candidates(kind)

    async def version(self, kind: Kind) -> str:
        """The version that worked, or else the best one."""
        versions = await self.versions(kind)
        return versions[0] if versions else kind.versions[0]

    def found(self, kind: Kind, version: str) -> None:
        """This version answered."""
        self._versions[kind.name] = version

    async def of_object(self, obj: Obj) -> tuple[Kind, str]:
        """The kind and version that a manifest names; KindAbsent when the server does not serve them."""
        api_version, name = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
        group, _, version = api_version.rpartition("/")
        known = self._known.get(name)
        if known is not None and known.group == group:
            return known, version
        for kind in await self._served(api_version):
            if kind.name == name:
                return kind, version
        raise KindAbsent(f"the API server serves no {name} of {api_version}; install its CustomResourceDefinition")

    async def _preferred(self) -> tuple[str, ...]:
        """Every group in its preferred version, the core group first."""
        try:
            answer = await self._api.get("/apis")
        except NotFound:
            return ("v1",)
        found = [group["preferredVersion"]["groupVersion"] for group in answer.get("groups") or ()]
        return ("v1", *sorted(found))

    async def _served(self, api_version: str) -> tuple[Kind, ...]:
        if api_version not in self._resources:
            self._resources[api_version] = await self._ask(api_version)
        return self._resources[api_version]

    async def _ask(self, api_version: str) -> tuple[Kind, ...]:
        root = "/apis" if "/" in api_version else "/api"
        try:
            answer = await self._api.get(f"{root}/{api_version}")
        except NotFound:
            return ()
        group, _, version = api_version.rpartition("/")
        return tuple(
            _kind(entry, group, version) for entry in answer.get("resources") or () if "/" not in entry["name"]
        )


def _kind(entry: Mapping[str, Any], group: str, version: str) -> Kind:
    return Kind(
        name=entry["kind"],
        group=group,
        plural=entry["name"],
        versions=(version,),
        namespaced=bool(entry.get("namespaced")),
    )
