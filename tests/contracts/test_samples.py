"""Does the API server refuse a wrong manifest in the layer that the table says, and the memory cluster likewise?

Sent as a person would: as YAML, to be validated strictly, as a dry run.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import Face, start_face
from rollout import crds
from rollout.manifest.kinds import KINDS
from rollout.manifest.parse import (
    parse_approval_policy,
    parse_command,
    parse_file,
    parse_freeze_window,
    parse_git_source,
    parse_mesh_migration,
    parse_notifier,
    parse_object,
    parse_receiver,
    parse_slo_policy,
)
from tests.servers.client import Kube, KubeError
from tests.support.samples import Invalid, invalid, valid

QUERY = "?fieldValidation=Strict&dryRun=All"
READ = {
    "Rollout": parse_object,
    "GitSource": parse_git_source,
    "SloPolicy": parse_slo_policy,
    "MeshMigration": parse_mesh_migration,
    "ApprovalPolicy": parse_approval_policy,
    "FreezeWindow": parse_freeze_window,
    "Receiver": parse_receiver,
    "Notifier": parse_notifier,
}
ROWS = invalid()
VALID = valid()


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    """The HTTP face of a memory cluster that serves our kinds."""
    cluster = MemoryCluster()
    cluster.seed(*crds.definitions().values())
    face = await start_face(cluster)
    yield face
    await face.close()


def place(kind: str, namespace: str) -> str:
    scope = f"namespaces/{namespace}/" if KINDS[kind].namespaced else ""
    return f"/apis/rollout.dev/v1alpha1/{scope}{KINDS[kind].plural}{QUERY}"


def create(kube: Kube, namespace: str, kind: str, text: str) -> dict[str, Any]:
    return kube.request("POST", place(kind, namespace), text.encode(), "application/yaml")


async def answered(face: Face, kind: str, text: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a create on the memory cluster."""
    headers = {"Content-Type": "application/yaml"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(face.url + place(kind, "default"), data=text.encode(), headers=headers) as answer,
    ):
        return answer.status, await answer.json()


def rule_messages(schema: Mapping[str, Any]) -> set[str]:
    """What the rules of a schema say, at any depth."""
    own = {rule["message"] for rule in schema.get("x-kubernetes-validations", ())}
    parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return own.union(*(rule_messages(part) for part in parts if isinstance(part, Mapping)))


def layer_of(kind: str, error: KubeError) -> str:
    """Who refused it, as the answer shows; rules are looked at even where the schema has refused already."""
    assert error.status in (400, 422), error
    if "strict decoding error" in str(error):
        return "strict"
    schema = crds.definitions()[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rules = rule_messages(schema)
    status = json.loads(str(error)[str(error).index("{") :])
    causes = [cause["message"] for cause in status.get("details", {}).get("causes", [])]
    return "cel" if causes and all(any(rule in cause for rule in rules) for cause in causes) else "schema"


def said(error: KubeError) -> str:
    return str(error).replace('\\"', '"')


@pytest.mark.server
@pytest.mark.parametrize("row", [row for row in ROWS if row.by != "manifest"], ids=str)
def test_the_api_server_refuses_it_where_the_table_says(kube: Kube, namespace: str, row: Invalid) -> None:
    with pytest.raises(KubeError) as caught:
        create(kube, namespace, row.kind, row.text)

    assert layer_of(row.kind, caught.value) == row.by, caught.value
    assert row.said in said(caught.value)


@pytest.mark.server
@pytest.mark.parametrize("row", [row for row in ROWS if row.by == "manifest"], ids=str)
def test_the_api_server_takes_what_only_our_reader_can_refuse(kube: Kube, namespace: str, row: Invalid) -> None:
    created = create(kube, namespace, row.kind, row.text)

    assert created["kind"] == row.kind


@pytest.mark.parametrize("row", [row for row in ROWS if row.by in ("schema", "strict")], ids=str)
async def test_the_memory_cluster_refuses_what_schema_and_strictness_refuse(face: Face, row: Invalid) -> None:
    status, answer = await answered(face, row.kind, row.text)

    assert status in (400, 422), answer
    assert ("strict decoding error" in answer["message"]) == (row.by == "strict"), answer


@pytest.mark.parametrize("row", [row for row in ROWS if row.by in ("cel", "manifest")], ids=str)
async def test_the_memory_cluster_takes_what_needs_a_rule_or_our_reader(face: Face, row: Invalid) -> None:
    status, answer = await answered(face, row.kind, row.text)

    assert status == 201, answer


def meant(kind: str, obj: dict[str, Any]) -> object:
    """What a stored object means; a command means the same whatever was filled in."""
    return READ[kind](obj) if kind in READ else parse_command(obj)


def same(name: str, text: str, stored: dict[str, Any]) -> bool:
    """Whether the object as stored, with the server's defaults, means what the file means."""
    kind = name.partition("-")[0]
    if kind == "RolloutCommand":
        return parse_command(stored) is not None
    stored["metadata"].pop("annotations", None)
    (manifest,) = parse_file("sample.yaml", text.encode(), namespace=stored["metadata"].get("namespace", "")).manifests
    return meant(kind, stored) == meant(kind, {**manifest.obj, "metadata": stored["metadata"]})


@pytest.mark.server
@pytest.mark.parametrize(("name", "text"), VALID, ids=[name for name, _ in VALID])
def test_what_the_api_server_stores_means_what_the_file_means(kube: Kube, namespace: str, name: str, text: str) -> None:
    local = re.sub(r"namespace: (shop|pay|infra)\b", f"namespace: {namespace}", text)

    stored = create(kube, namespace, name.partition("-")[0], local)

    assert same(name, local, stored)


@pytest.mark.parametrize(("name", "text"), VALID, ids=[name for name, _ in VALID])
async def test_what_the_memory_cluster_stores_means_what_the_file_means(face: Face, name: str, text: str) -> None:
    local = re.sub(r"namespace: (shop|pay|infra)\b", "namespace: default", text)

    status, stored = await answered(face, name.partition("-")[0], local)

    assert status == 201, stored
    assert same(name, local, stored)


@pytest.mark.server
@pytest.mark.parametrize("kind", sorted(READ))
async def test_the_memory_cluster_fills_in_what_the_api_server_fills_in(
    kube: Kube, namespace: str, face: Face, kind: str
) -> None:
    for name, text in VALID:
        if name.startswith(f"{kind}-") and "namespace: " not in text:
            real = create(kube, namespace, kind, text)
            _, memory = await answered(face, kind, text)
            assert memory["spec"] == real["spec"], name
