"""What does a JSON file from anybody become, and what is said about a wrong one?"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.cli.files import manifests
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_file
from rollout.manifest.yaml import documents
from tests.support.builders import a_rollout_manifest, a_spec

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)


def read(text: str) -> object:
    (document,) = documents(text.encode(), "a.json")
    return document.data


@given(ANYTHING, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_means_what_it_means_elsewhere(value: object, indent: int | str | None, ascii_only: bool) -> None:
    assert read(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value


def test_tabs_and_the_escapes_of_json_are_read() -> None:
    assert read('{\t"a":\r\n\t"x\\/y \\ud83d\\ude00"}') == {"a": "x/y \U0001f600"}


def test_every_value_keeps_its_line() -> None:
    (document,) = documents(b'{\n\t"a": {\n\t\t"b": [1,\n2]\n\t}\n}', "a.json")

    assert [document.line(path) for path in ((), ("a",), ("a", "b", 0), ("a", "b", 1))] == [1, 2, 3, 4]


def test_an_empty_file_has_no_documents() -> None:
    assert documents(b" \n", "a.json") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,}', "} where a key in double quotes is expected (a.json:1:9)"),
        ("[1,]", "] where a value is expected (a.json:1:4)"),
        ('["a" "b"]', '"b" where , or ] is expected (a.json:1:6)'),
        ('{"a": 1}\n{"b": 2}', "{ where the end of the file is expected (a.json:2:1)"),
        ('{"a"', "the end of the file where : is expected (a.json:1:5)"),
        ("{a: 1}", "a: cannot be read (a.json:1:2)"),
        ("{'a': 1}", "'a': cannot be read (a.json:1:2)"),
        ('{"a": NaN}', "NaN cannot be read (a.json:1:7)"),
        ('{"a": 010}', "010 cannot be read (a.json:1:7)"),
        ("// why\n{}", "// cannot be read (a.json:1:1)"),
        ('{"a": "b\n"}', '"b cannot be read (a.json:1:7)'),
        ('"\\ud800"', "half of a pair of surrogates is no letter"),
        ('{"a": 1,\n "a": 2}', "the key a is here twice, first in line 1; remove one (a, a.json:2:2)"),
        ("[" * 65, "nested deeper than 64 (a.json:1:65)"),
        ('{"a": 1e999}', "1e999 is too large a number"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(SpecErrors) as caught:
        documents(text.encode(), "a.json")

    assert said in str(caught.value)


def test_a_folder_may_hold_json(tmp_path: Path) -> None:
    for name in ("a.json", "b.yaml", "c.yml", "d.txt"):
        (tmp_path / name).write_text("{}")

    assert [Path(path).name for path, _ in manifests((str(tmp_path),))] == ["a.json", "b.yaml", "c.yml"]


def test_a_manifest_may_be_json() -> None:
    (manifest,) = parse_file("checkout.json", json.dumps(a_rollout_manifest(), indent="\t").encode()).manifests

    assert manifest.spec == a_spec(source="checkout.json:1")


def test_an_error_in_a_json_manifest_has_its_line() -> None:
    text = json.dumps(a_rollout_manifest(steps=[{"weight": 120}]), indent="\t")

    with pytest.raises(SpecErrors) as caught:
        parse_file("checkout.json", text.encode())

    line = text.splitlines().index('\t\t\t\t"weight": 120') + 1
    assert f"weight 120 is more than 100 (spec.steps[0].weight, checkout.json:{line})" in str(caught.value)
