"""Do names get into PromQL without changing what a query means?"""

import pytest

from adapters.metrics.promql import PromqlError, any_of, checked_matchers, filled, quoted

V2 = {"revision": "v2", "namespace": "shop", "name": "checkout"}


@pytest.mark.parametrize(
    ("query", "revision", "wanted"),
    [
        ('up{version="{revision}"}', "v2", 'up{version="v2"}'),
        ("up{version='{revision}'}", "v2", "up{version='v2'}"),
        ("up{version=`{revision}`}", "v2", "up{version=`v2`}"),
        ('up{version="{revision}"}', 'v"2', 'up{version="v\\"2"}'),
        ("up{version='{revision}'}", "v'2", "up{version='v\\'2'}"),
        ('up{version="{revision}"}', "v\\2", 'up{version="v\\\\2"}'),
        ('up{version="{revision}"}', "v\n2", 'up{version="v\\n2"}'),
        ('up{version=~"{revision}-.*"}', "v1.2+b", 'up{version=~"v1\\\\.2\\\\+b-.*"}'),
        ('up{version!~ "{revision}"}', "v1.2", 'up{version!~ "v1\\\\.2"}'),
        ("up{version=~`{revision}`}", "v1.2", "up{version=~`v1\\.2`}"),
        ("orders_{revision}_total", "v2", "orders_v2_total"),
        ('up{pod=~"a{1,3}"}', "v2", 'up{pod=~"a{1,3}"}'),
        ('up{a="\\"{revision}"}', "v2", 'up{a="\\"v2"}'),
        ("up # {revision} isn't read", "v'2", "up # {revision} isn't read"),
        ('a{x="{name}.{namespace}"}', "v2", 'a{x="checkout.shop"}'),
    ],
)
def test_a_placeholder_becomes_its_value(query: str, revision: str, wanted: str) -> None:
    assert filled(query, V2 | {"revision": revision}) == wanted


@pytest.mark.parametrize(
    ("query", "revision", "complaint"),
    [
        ("orders_{revision}_total", 'v2"} or up{a="', "may stand in quotes only"),
        ("orders_{revision}_total", "", "may stand in quotes only"),
        ("up{version=`{revision}`}", "v`2", "cannot stand in backticks"),
        ('up{version="{revision}', "v2", "does not end"),
        ("up{version='{revision}}", "v2", "does not end"),
    ],
)
def test_a_value_that_would_change_the_query_is_refused(query: str, revision: str, complaint: str) -> None:
    with pytest.raises(PromqlError, match=complaint):
        filled(query, V2 | {"revision": revision})


@pytest.mark.parametrize("selector", ['app="a"} or up{b="c"', 'app="a"}[5m]', 'app="a', 'app="a" # b', "sum(up)"])
def test_a_selector_that_is_more_than_matchers_is_refused(selector: str) -> None:
    with pytest.raises(PromqlError, match="no list of label matchers"):
        checked_matchers(selector)


def test_a_selector_may_hold_any_sign_inside_quotes() -> None:
    assert checked_matchers(' path=~"/a(b|c){2}", app="x",') == 'path=~"/a(b|c){2}", app="x"'


def test_quoted_text_is_one_literal() -> None:
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'


def test_names_become_an_expression_that_matches_nothing_else() -> None:
    assert any_of("a.b", "c|d") == r"a\.b|c\|d"
