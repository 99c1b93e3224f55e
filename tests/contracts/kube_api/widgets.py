"""Which kind and which objects does the contract suite of the Kubernetes API write?"""

import asyncio
from contextlib import suppress
from typing import Any

from adapters.kube.api import KubeApi, Patch
from rollout.ports.errors import Conflict, KindAbsent, NotFound, Unreachable

GROUP = "contract.example.org"
NAMESPACE = "kube-api-contract"  # one for all tests: a real server is shared, and emptied in between
WIDGETS = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/widgets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
TIMEOUT = 20


def crd(plural: str, kind: str) -> dict[str, Any]:
    conditions = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
        },
    }
    status = {"type": "object", "properties": {"phase": {"type": "string"}, "conditions": conditions}}
    plan = {
        "type": "object",
        "required": ["mode"],
        "properties": {
            "mode": {"type": "string", "enum": ["Auto", "Manual"]},
            "percent": {"type": "integer", "minimum": 0, "maximum": 100, "default": 5},
            "note": {"type": "string", "maxLength": 4},
            "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "pattern": "^[a-z]+$"}},
            "extra": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
    }
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"plan": plan}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {"served": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [{**version, "name": "v1", "storage": True}, {**version, "name": "v1beta1", "storage": False}],
        },
    }


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def labelled(name: str, **labels: str) -> dict[str, Any]:
    return {**widget(name), "metadata": {"name": name, "labels": labels}}


async def prepare(server: KubeApi) -> None:
    """See that the namespace is there and empty, and that widgets are served."""
    for path, body in (
        ("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        (CRDS, crd("widgets", "Widget")),
    ):
        with suppress(Conflict):
            await server.create(path, body)
    await until_served(server, WIDGETS)
    await server.delete(WIDGETS)
    for path in (f"{CONFIGMAPS}/a", f"{DEPLOYMENTS}/a"):
        with suppress(NotFound):
            await server.delete(path)


async def seen(api: KubeApi, query: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The first `count` events of a watch on widgets."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(TIMEOUT):
        async for event in api.watch(WIDGETS, {"timeoutSeconds": "10", **query}):
            found.append(event)
            if len(found) == count:
                break
    return found


async def apply(api: KubeApi, manager: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
    """A server-side apply of a widget by `manager`."""
    path = f"{WIDGETS}/{body['metadata']['name']}"
    return await api.patch(path, Patch.APPLY, body, {"fieldManager": manager, **query})


async def until_served(api: KubeApi, path: str) -> None:
    """Wait until a GET of `path` is answered; a real server needs a moment for a new definition."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            with suppress(KindAbsent, Unreachable):  # 429 while the storage of a new kind is made
                await api.get(path)
                return
            await asyncio.sleep(0.1)


async def until_absent(api: KubeApi, path: str) -> None:
    """Wait until the kind at `path` is served no more."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                await api.get(path)
            except KindAbsent:
                return
            await asyncio.sleep(0.1)
