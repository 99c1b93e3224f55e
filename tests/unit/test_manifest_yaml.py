"""What does YAML from anybody become, and what is refused before it costs anything?"""

import pytest

from rollout.manifest.errors import SpecErrors
from rollout.manifest.yaml import MAX_BYTES, documents


def read(text: str) -> object:
    (document,) = documents(text.encode(), "a.yaml")
    return document.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30:45", "12:30:45"),
        ("2026-11-21", "2026-11-21"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("v1.2", "v1.2"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = read(f"key: {text}")

    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "anchors are not read; write the value out each time (a, a.yaml:1:4)"),
        ("a:\n  <<: {b: 1}", "merge keys are not read; write the fields out (a, a.yaml:2:3)"),
        ("a: *x", "aliases are not read; write the value out (a, a.yaml:1:4)"),
        ("a: 1\nb: 2\na: 3", "the key a is here twice, first in line 1; remove one (a, a.yaml:3:1)"),
        ("[" * 65, "nested deeper than 64 (a.yaml:1:65)"),
        ("--- 1\n" * 101, "more than 100 documents; split the file (a.yaml:101:1)"),
        ("1: x", "the key 1 must be text: put it in quotes (a.yaml:1:1)"),
        ("? [a]\n: x", "a key must be text, not a list or mapping (a.yaml:1:3)"),
        ("a: .nan", ".nan is no number that JSON can carry (a, a.yaml:1:4)"),
        ("a: 1e999", "1e999 is too large a number; quote it if it is text (a, a.yaml:1:4)"),
        ("a: !!python/name:os.system ''", "the tag tag:yaml.org,2002:python/name:os.system cannot be read"),
        ("a: !thing {b: 1}", "the tag !thing is not known; remove it (a, a.yaml:1:4)"),
        ("a: [1", "this is not YAML"),
        ("a: \x00", "this is not YAML"),
    ],
)
def test_what_no_manifest_needs_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(SpecErrors) as caught:
        documents(text.encode(), "a.yaml")

    assert said in str(caught.value)


def test_more_values_than_any_manifest_has_are_refused() -> None:
    with pytest.raises(SpecErrors, match="more than 50000 values"):
        documents(b"- \n" * 50_001, "a.yaml")


def test_a_file_that_is_too_large_is_not_even_decoded() -> None:
    with pytest.raises(SpecErrors, match=f"at most {MAX_BYTES} are read"):
        documents(b"\xff" * (MAX_BYTES + 1), "a.yaml")


def test_what_is_not_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(SpecErrors) as caught:
        documents(b"a: 1\nb: \xff", "a.yaml")

    assert str(caught.value) == "the file is not UTF-8; save it as UTF-8 (a.yaml:2)"


def test_every_value_keeps_its_line() -> None:
    (document,) = documents(b"# why\na:\n  b: [1, 2]\n  c:\n  - d\n  -\n    e: 1\n", "a.yaml")

    lines = [document.line(path) for path in ((), ("a",), ("a", "b", 1), ("a", "c", 0), ("a", "c", 1, "e"))]

    assert lines == [2, 2, 3, 5, 7]


def test_what_is_not_written_has_the_line_of_what_is_around_it() -> None:
    (document,) = documents(b"a:\n  b:\n    c: 1\n", "a.yaml")

    assert document.line(("a", "b", "missing", 3)) == 2


def test_documents_are_told_apart_and_empty_ones_are_kept() -> None:
    found = documents(b"a: 1\n---\n---\nb: 2\n", "a.yaml")

    assert [document.data for document in found] == [{"a": 1}, None, {"b": 2}]


def test_an_empty_file_has_no_documents() -> None:
    assert documents(b"", "a.yaml") == ()
