"""Can any text at all make reading a manifest do something else than answer?"""

import json
from typing import Any

import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from rollout.durations import duration, duration_text
from rollout.manifest.errors import SpecErrors
from rollout.manifest.lint import lint
from rollout.manifest.parse import parse_object
from rollout.manifest.yaml import documents
from tests.support.builders import a_rollout_manifest
from tests.support.examples import examples

printable = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])  # what JSON and YAML both write as it is
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(printable, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(printable, max_size=6), inner, max_size=3),
    max_leaves=12,
)
fields = st.sampled_from(sorted(a_rollout_manifest()["spec"])) | st.sampled_from(["stable", "analysis", "settle"])


def error_paths(manifest: dict[str, Any]) -> list[str]:
    """Where something is wrong in a manifest."""
    try:
        parse_object(manifest)
    except SpecErrors as error:
        return [one.path for one in error.errors]
    return []


@examples(300)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@\n\t ?,1", max_size=60).map(str.encode))
def test_any_bytes_are_data_or_errors(content: bytes) -> None:
    errors = lint([("a.yaml", content)])

    assert all(error.file == "a.yaml" for error in errors)


@examples(200)
@given(plain)
def test_json_is_read_as_it_was_written(data: Any) -> None:
    (document,) = documents(json.dumps(data, ensure_ascii=False).encode(), "a.yaml")

    assert document.data == data


@examples(200)
@given(fields, plain)
def test_any_value_of_any_field_is_a_spec_or_an_error(field: str, value: Any) -> None:
    paths = error_paths(a_rollout_manifest(**{field: value}))

    assert all(path.startswith("spec") for path in paths)


@examples(100)
@given(fields, plain)
def test_every_error_in_a_file_has_a_line(field: str, value: Any) -> None:
    content = pyyaml.safe_dump(a_rollout_manifest(**{field: value}), allow_unicode=True).encode()

    assert all(error.line for error in lint([("a.yaml", content)]))


@given(st.timedeltas(min_value=duration("0s"), max_value=duration("999999h")))
def test_a_duration_survives_being_written_to_the_millisecond(value: Any) -> None:
    whole = value - value % duration("1ms")

    assert duration(duration_text(whole)) == whole
