"""Can any value at any place of any of our kinds, or any text of YAML's pieces, be more than a spec or an error?"""

import copy
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_file
from rollout.manifest.yaml import MAX_BYTES
from tests.support.examples import examples
from tests.support.yamls import documents

VALID = documents((Path(__file__).parents[1] / "support" / "manifests" / "valid.yaml").read_text())
Place = tuple[int, tuple[str | int, ...]]
MIB = 1024 * 1024


def places_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a value, its own first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places_in(child, (*path, key))


PLACES: list[Place] = [(number, path) for number, whole in enumerate(VALID) for path in places_in(whole)]
odd = st.sampled_from(
    (
        *(
            0,
            -1,
            10**400,
            -(10**19),
            1e308,
            True,
            False,
            None,
            "",
            " ",
            "\u200b",
            "\ud7ff",
            "\U0001f600",
            "\u202egnp.exe",
        ),
        *("v" * 300, "a\nb", "a\0b", "{revision}", "{", "}{", "{revision", "{{revision}}", "%s", "$(x)", "../../x"),
        *("1e3%", "100.1%", "-1%", "0s", "99999999999h", "1ms1", "5 m", "\u0661\u0662m", "NaN", "2026-13-40T99:99:99Z"),
        *(
            "9999-12-31T23:59:59Z",
            "* * * * *",
            "99 99 * * *",
            "Mars/Olympus",
            "http://[::1",
            "https://a:99999",
            "ssh://-o",
        ),
    )
)
values = st.recursive(
    odd | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("name", "weight", "ramp", "service")) | st.text(max_size=4), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def put(whole: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The document with this value at this place."""
    if not path:
        return value
    changed = copy.deepcopy(whole)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def errors_of(content: bytes, file: str) -> list[str]:
    """All that is said about a file; [] when it is taken."""
    try:
        parse_file(file, content)
    except SpecErrors as error:
        found = error.errors
    else:
        return []
    assert found
    assert all(one.file == file for one in found)
    return [str(one) for one in found]


@examples(600)
@given(st.sampled_from(PLACES), values)
def test_any_value_at_any_place_of_any_kind_is_a_spec_or_an_error(place: Place, value: Any) -> None:
    number, path = place
    content = json.dumps(put(VALID[number], path, value)).encode()

    said = errors_of(content, "a.json")

    assert len(said) < 100
    assert all(len(one) < 5_000 for one in said)


@examples(300)
@given(st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_parts_of_one_kind_in_another_are_a_spec_or_an_error(place: Place, other: Place) -> None:
    value = VALID[other[0]]
    for key in other[1]:
        value = value[key]
    changed = put(VALID[place[0]], place[1], value)

    errors_of(pyyaml.safe_dump(changed, allow_unicode=True).encode(), "a.yaml")


pieces = st.sampled_from(
    (
        *("a", "spec", "'b'", '"c"', ": ", ":", "- ", "-", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ",", "? ", "\t"),
        *(
            "&a ",
            "*a",
            "&a *a",
            "!!python/object:os.system ",
            "!t ",
            "!!binary ",
            "<<: *a",
            "|",
            ">-",
            "|2\n",
            "#",
            "%YAML 1.3\n",
        ),
        *(
            "---\n",
            "...\n",
            "0x1f",
            "0o17",
            "1e999",
            ".nan",
            "1_000",
            "12:30:45",
            "no",
            "~",
            "null",
            "\\u0000",
            "\\x41",
        ),
        *(
            "apiVersion: rollout.dev/v1alpha1\n",
            "kind: Rollout\n",
            "metadata: {name: a}\n",
            "\ufeff",
            "\u2028",
            "\u0085",
        ),
        *(
            "9" * 50,
            "9" * 5000,
            "[" * 70,
            "{a: " * 70,
            "a: 1\na: 2\n",
            "\N{ZERO WIDTH JOINER}",
            "\N{COMBINING ACUTE ACCENT}",
        ),
    )
)


@examples(600)
@given(st.lists(pieces, max_size=25).map("".join))
def test_any_text_of_the_pieces_of_yaml_is_read_or_an_error(text: str) -> None:
    errors_of(text.encode(), "a.yaml")


@examples(100)
@given(st.binary(max_size=6), st.integers(0, 400))
def test_bytes_in_the_middle_of_a_good_file_are_read_or_an_error(noise: bytes, at: int) -> None:
    good = pyyaml.safe_dump(VALID[0]).encode()

    errors_of(good[:at] + noise + good[at:], "a.yaml")


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "{a: ",
        "- ",
        "? ",
        "a: 1\n",
        "- a\n",
        "---\na: 1\n",
        "[],",
        "'",
        "&a [*a,",
        "%TAG ! a\n",
        "\t",
        "é",
        "#\n",
        '"\\',
    ],
)
def test_a_file_as_large_as_may_be_takes_a_bounded_part_of_the_memory(unit: str) -> None:
    content = (unit * (MAX_BYTES // len(unit.encode())))[: MAX_BYTES // 2].encode()

    tracemalloc.start()
    try:
        errors_of(content[:MAX_BYTES], "a.yaml")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 48 * MIB  # MAX_NODES values with their places


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["[", '{"a":', "[1,", '{"a":1},', '"', "1"])
def test_json_as_large_as_may_be_takes_a_bounded_part_of_the_memory(unit: str) -> None:
    content = (unit * (MAX_BYTES // len(unit))).encode()

    tracemalloc.start()
    try:
        assert errors_of(content, "a.json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 48 * MIB
