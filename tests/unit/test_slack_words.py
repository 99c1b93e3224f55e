"""What does somebody want who types `/rollout ...`?"""

import pytest

from rollout.model.names import Key
from rollout.services.slack_words import Typed, understood

CHECKOUT = Key(namespace="shop", name="checkout")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Typed(word="status", key=None)),
        ("   ", Typed(word="status", key=None)),
        ("status", Typed(word="status", key=None)),
        ("list", Typed(word="status", key=None)),
        ("checkout", Typed(word="why", key=CHECKOUT)),
        ("pay/checkout", Typed(word="why", key=Key(namespace="pay", name="checkout"))),
        ("why checkout", Typed(word="why", key=CHECKOUT)),
        ("status shop/checkout", Typed(word="status", key=CHECKOUT)),
        ("approve checkout", Typed(word="approve", key=CHECKOUT)),
        ("abort checkout errors  at the\ttill", Typed(word="abort", key=CHECKOUT, reason="errors at the till")),
        ("pause  shop/checkout", Typed(word="pause", key=CHECKOUT)),
    ],
)
def test_words_mean_one_thing(text: str, wanted: Typed) -> None:
    assert understood(text, "shop") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "help",
        "approve",
        "why",
        "promote checkout",
        "override checkout lunch",
        "APPROVE checkout",
        "approve Checkout",
        "approve shop/check/out",
        "approve /checkout",
        "approve shop/",
        "approve ../secrets",
        "approve checkout?x=1",
        "approve " + "a" * 254,
        "approve " + "a" * 64 + "/checkout",
        "why checkout please",
        "abort checkout " + "x" * 1025,
        "<@U1> checkout",
    ],
)
def test_what_could_mean_something_else_means_nothing(text: str) -> None:
    assert understood(text, "shop") is None
