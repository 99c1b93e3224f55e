"""How does somebody press an order at the dashboard, and what is recorded of it?"""

from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.person import Person


def command(verb: str, target: str = "checkout", kind: str = "Rollout", **said: Any) -> dict[str, Any]:
    """What is recorded of ana's press."""
    actor = {"user": "ana", "groups": ["system:authenticated"], "proven": "token"}
    return {"target": {"kind": kind, "name": target}, "verb": verb, "actor": actor, "channel": "dashboard", **said}


async def wanted(person: Person, word: str, dialog: str = "") -> Locator:
    """The dialog that a press on this order opens."""
    await person.page.get_by_role("button", name=word, exact=True).click()
    found = person.page.get_by_role("dialog", name=dialog or word)
    await expect(found).to_be_visible()
    return found
