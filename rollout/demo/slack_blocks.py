"""What of Block Kit would Slack refuse in a message?

Limits as its reference lists them; a message that breaks one is `invalid_blocks` there, and here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

MOST_BLOCKS = 50
LONGEST_TEXT = 40_000  # of a message without blocks; longer ones are cut or refused
_LONGEST = {"section": 3000, "header": 150, "context": 3000}


def problems(blocks: object) -> Iterator[str]:
    """What Slack would not take, each with its place; nothing for a message that it takes."""
    if not isinstance(blocks, list):
        yield "blocks is no list"
        return
    if len(blocks) > MOST_BLOCKS:
        yield f"{len(blocks)} blocks, at most {MOST_BLOCKS}"
    for number, block in enumerate(blocks):
        for problem in _block(block):
            yield f"blocks[{number}]: {problem}"


def buttons(blocks: object) -> Iterator[tuple[str, Json]]:
    """(block_id, button) of each button of a message."""
    for number, block in enumerate(blocks if isinstance(blocks, list) else []):
        if block.get("type") == "actions":
            for element in block["elements"]:
                yield str(block.get("block_id", f"b{number}")), element


def _block(block: object) -> Iterator[str]:
    if not isinstance(block, dict):
        yield "no object"
        return
    match block.get("type"):
        case "section":
            yield from _text(block.get("text"), _LONGEST["section"], ("mrkdwn", "plain_text"))
            fields = block.get("fields", [])
            if len(fields) > 10:
                yield f"{len(fields)} fields, at most 10"
            for field in fields:
                yield from _text(field, 2000, ("mrkdwn", "plain_text"))
        case "header":
            yield from _text(block.get("text"), _LONGEST["header"], ("plain_text",))
        case "context":
            yield from _many(block, 10)
            for element in block.get("elements", []):
                yield from _text(element, _LONGEST["context"], ("mrkdwn", "plain_text"))
        case "actions":
            yield from _many(block, 25)
            ids = [element.get("action_id") for element in block.get("elements", [])]
            if len(set(ids)) != len(ids):
                yield "an action_id is there twice"
            for element in block.get("elements", []):
                yield from _button(element)
        case "divider":
            pass
        case other:
            yield f"type {other!r} is not known here"


def _many(block: Json, most: int) -> Iterator[str]:
    count = len(block.get("elements") or ())
    if not 1 <= count <= most:
        yield f"{count} elements, 1 to {most}"


def _button(element: Json) -> Iterator[str]:
    if element.get("type") != "button":
        yield f"element {element.get('type')!r} is not known here"
        return
    yield from _text(element.get("text"), 75, ("plain_text",))
    if not 1 <= len(str(element.get("action_id", ""))) <= 255:
        yield "action_id has 1 to 255 characters"
    if len(str(element.get("value", ""))) > 2000:
        yield "value is longer than 2000"
    if element.get("style") not in (None, "primary", "danger"):
        yield f"style {element['style']!r} is primary or danger"
    confirm = element.get("confirm")
    if confirm is not None:
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            yield from _text(confirm.get(name), most, ("plain_text", "mrkdwn") if name == "text" else ("plain_text",))


def _text(text: object, most: int, kinds: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(text, dict):
        yield "text is no object"
        return
    if text.get("type") not in kinds:
        yield f"text of type {text.get('type')!r}, wanted {' or '.join(kinds)}"
    if not 1 <= len(str(text.get("text", ""))) <= most:
        yield f"text has {len(str(text.get('text', '')))} characters, 1 to {most}"
