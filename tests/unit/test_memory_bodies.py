"""What does the memory cluster read from a request's body?"""

import pytest

from adapters.memory.bodies import Body, parsed
from adapters.memory.statuses import RefusalError


@pytest.mark.parametrize("content_type", ["application/json", "application/yaml", "application/apply-patch+yaml"])
def test_json_is_read_whatever_the_content_type_says(content_type: str) -> None:
    assert parsed(content_type, b'{"a": [1]}') == Body({"a": [1]})


def test_yaml_is_read_with_dates_as_text() -> None:
    assert parsed("application/yaml", b"a: 2026-01-01\n") == Body({"a": "2026-01-01"})


@pytest.mark.parametrize("body", [b'{"a": {"b": 1, "c": 2, "b": 3}}', b"a:\n  b: 1\n  c: 2\n  b: 3\n"])
def test_a_field_that_is_there_twice_is_named_and_the_last_value_counts(body: bytes) -> None:
    assert parsed("application/yaml", body) == Body({"a": {"b": 3, "c": 2}}, ("b",))


@pytest.mark.parametrize(("content_type", "code"), [("application/yaml", 400), ("text/plain", 415)])
def test_what_is_neither_json_nor_yaml_is_refused(content_type: str, code: int) -> None:
    with pytest.raises(RefusalError) as caught:
        parsed(content_type, b"a: [")

    assert caught.value.code == code
