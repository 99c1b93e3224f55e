"""Is what docs/notifiers.md shows exactly what is sent, and does it know every channel, code and event type?"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.notices.cloudevents import TYPES, event
from adapters.notices.payload import payload, title
from adapters.notices.slack import plain_blocks
from adapters.notices.teams import card
from rollout.manifest.notifier import NotifierForm
from rollout.manifest.parse import parse_file
from rollout.model.names import Key
from rollout.model.news import News
from rollout.model.notifier import Channel, Severity
from rollout.ports.messages import Message
from tests.support.builders import NOON

PAGE = (Path(__file__).parents[2] / "docs" / "notifiers.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NEWS = News(
    code="AwaitingApproval",
    sentence="waiting for 1 approval of v2 by security",
    key="run 7",
    mark="",
    severity=Severity.INFO,
    run=7,
    revision="v2",
    step=2,
    weight=25,
    phase="Progressing",
    at=NOON,
    needs_person=True,
)
MESSAGE = Message(
    id="msg_0f2e9d8c7b6a59483726150413f2e1d0",
    kind="Rollout",
    key=Key(namespace="shop", name="checkout"),
    news=(NEWS,),
    at=NOON,
)


def shapes() -> dict[str, Any]:
    """What is sent for MESSAGE, by the chapter that shows it."""
    return {
        "Webhooks": payload(MESSAGE),
        "CloudEvents": event(MESSAGE),
        "Microsoft Teams": card(MESSAGE, "https://rollouts.example.org/shop/checkout"),
        "Slack": plain_blocks(MESSAGE),
    }


def chapter(name: str) -> str:
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", shapes())
def test_each_shape_on_the_page_is_the_one_that_is_sent(name: str) -> None:
    shown = [json.loads(text) for language, text in BLOCK.findall(chapter(name)) if language == "json"]

    assert shown == [shapes()[name]]


def test_the_page_names_every_field_of_the_spec_and_every_channel() -> None:
    fields = {field.alias or name for name, field in NotifierForm.model_fields.items()}

    assert {name for name in fields if f"`{name}`" not in PAGE} == set()
    assert all(f"`{channel.value}`" in PAGE for channel in Channel)


@pytest.mark.parametrize(("family", "types"), TYPES.items())
def test_the_page_has_every_type_of_event_with_its_code(family: str, types: dict[str, str]) -> None:
    rows = {tuple(cell.strip(" `") for cell in line.split("|")[1:3]) for line in chapter("CloudEvents").splitlines()}

    assert {(family + name, code) for code, name in types.items()} <= rows


def test_the_manifests_on_the_page_can_be_read() -> None:
    manifests = [text for language, text in BLOCK.findall(PAGE) if language == "yaml"]

    parsed = [parse_file("notifiers.md", text.encode(), namespace="shop") for text in manifests]

    assert sum(len(one.manifests) for one in parsed) >= 2


def test_the_title_says_what_it_is_about() -> None:
    assert title(MESSAGE) == "shop/checkout v2: AwaitingApproval"
