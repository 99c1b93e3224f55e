"""Are the generated CRDs current and structural?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rollout import crds

DIRECTORY = Path(__file__).parents[2] / "deploy" / "crds"
FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "patternProperties", "title", "const"}


def parts(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in a schema, with its path."""
    yield path, schema
    for name, value in schema.get("properties", {}).items():
        yield from parts(value, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield from parts(schema[name], f"{path}.{name}")


def schema_of(kind: str) -> Mapping[str, Any]:
    definition = crds.definitions()[kind]
    schema: Mapping[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


KINDS = sorted(crds.definitions())


def test_the_files_in_deploy_are_what_the_classes_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.yaml")}

    assert written == crds.files(), "run `python -m rollout.crds deploy/crds`"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_one_type(kind: str) -> None:
    untyped = [path for path, part in parts(schema_of(kind)) if not isinstance(part.get("type"), str)]

    assert untyped == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_used_that_a_structural_schema_may_not_have(kind: str) -> None:
    found = [f"{path}: {name}" for path, part in parts(schema_of(kind)) for name in FORBIDDEN & part.keys()]

    assert found == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_list_is_bounded(kind: str) -> None:
    unbounded = [path for path, part in parts(schema_of(kind)) if part["type"] == "array" and "maxItems" not in part]

    assert unbounded == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_of_a_spec_is_bounded(kind: str) -> None:
    texts = [(path, part) for path, part in parts(schema_of(kind)["properties"]["spec"]) if part["type"] == "string"]

    assert [path for path, part in texts if not {"maxLength", "enum"} & part.keys()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_spec_is_described(kind: str) -> None:
    fields = [(path, part) for path, part in parts(schema_of(kind)["properties"]["spec"]) if "." in path]

    assert [path for path, part in fields if not is_of_a_list(path) and not part.get("description")] == []


def is_of_a_list(path: str) -> bool:
    return path.endswith((".items", ".additionalProperties"))


@pytest.mark.parametrize("kind", KINDS)
def test_no_default_is_told_in_words_too(kind: str) -> None:
    told = [path for path, part in parts(schema_of(kind)) if "default " in part.get("description", "").lower()]

    assert told == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_api_server_fills_in_nothing_of_a_status(kind: str) -> None:
    status = schema_of(kind)["properties"].get("status", {})

    assert [path for path, part in parts(status) if "default" in part] == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "status" in schema_of(kind)["properties"]])
def test_the_api_server_takes_a_status_as_one_value_as_it_has_one_writer(kind: str) -> None:
    assert schema_of(kind)["properties"]["status"]["x-kubernetes-map-type"] == "atomic"


def test_the_defaults_of_a_rollout_are_those_that_people_know() -> None:
    defaults = {path: part["default"] for path, part in parts(schema_of("Rollout")) if "default" in part}

    assert defaults == {
        ".spec.steps.items.soak": "0s",
        ".spec.auto.max": 50,
        ".spec.auto.minDuration": "5m",
        ".spec.objectives.items.mode": "decide",
        ".spec.analysis": {},
        ".spec.analysis.interval": "15s",
        ".spec.analysis.minRequests": 50,
        ".spec.analysis.falseRollback": "1%",
        ".spec.analysis.harmBudget": 30,
        ".spec.analysis.onInconclusive": "hold",
        ".spec.analysis.stepDeadline": "2h",
        ".spec.analysis.bake": "0s",
        ".spec.webhooks.items.type": "rollout",
        ".spec.webhooks.items.timeout": "10s",
        ".spec.webhooks.items.retries": 2,
        ".spec.webhooks.items.muteAlert": False,
        ".spec.availableWithin": "10m",
        ".spec.capacity": "100%",
        ".spec.settle": "30s",
        ".spec.suspend": False,
    }


def test_the_columns_are_those_that_people_know() -> None:
    columns = crds.definitions()["Rollout"]["spec"]["versions"][0]["additionalPrinterColumns"]

    shown = [column["name"] for column in columns if "priority" not in column]

    assert shown == ["Phase", "Revision", "Step", "Weight", "Verdict", "Age"]


def test_the_files_are_written_where_one_says(tmp_path: Path) -> None:
    code = crds.main([str(tmp_path)])

    assert (code, sorted(path.name for path in tmp_path.iterdir())) == (0, sorted(crds.files()))
