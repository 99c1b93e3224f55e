"""Can any value of a placeholder get out of the string that it stands in?"""

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.metrics.promql import LITERAL, PLAIN, PromqlError, any_of, filled

TEMPLATES = st.sampled_from(
    [
        'up{a="{revision}"}',
        "up{a='{revision}',b=\"x\"}",
        'up{a=~"{revision}"}',
        "up{a=`{revision}`}",
        'up{a!~`{revision}`,b="{revision}"}',
        'sum(up{a="\\"{revision}"}) # {revision}',
        "orders_{revision}_total",
    ]
)
NASTY = st.text(alphabet=st.sampled_from("\"'`\\\n\r#{}|.*av2 "), max_size=12) | st.text(max_size=12)


def skeleton(query: str) -> str:
    """The query with every string literal emptied."""
    return LITERAL.sub(lambda found: found["comment"] or '""', query)


@given(TEMPLATES, NASTY)
def test_a_value_changes_nothing_outside_its_string(template: str, value: str) -> None:
    try:
        query = filled(template, {"revision": value, "namespace": "n", "name": "m"})
    except PromqlError:
        return

    outside = skeleton(template).partition("#")[0].replace("{revision}", value if PLAIN.fullmatch(value) else "?")
    assert skeleton(query).partition("#")[0] == outside


@given(st.text(max_size=10), st.text(max_size=10))
def test_an_expression_made_of_names_matches_these_alone(name: str, other: str) -> None:
    fits = re.fullmatch(any_of(name), other, re.DOTALL) is not None

    assert fits is (name == other)
