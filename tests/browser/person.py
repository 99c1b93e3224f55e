"""Who looks at the dashboard in a test: a browser of one person, which notes everything that is not as it should be?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Response, expect

from tests.servers.chromium import axe
from tests.support.builders import NOON

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
SERIOUS = ("serious", "critical")
PATIENCE_MS = 15_000  # a machine that is busy with other tests is no fault of a page
# What a browser itself says of an answer that a page asked for and deals with.
_ASKED = "Failed to load resource"
_NOTED = """
document.addEventListener('securitypolicyviolation', (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
# All that markup from outside could have become. hit: what each attack sets.
_FOREIGN = """() => {
  const strange = [];
  if (window.hit !== undefined) strange.push(`an attack ran: ${window.hit}`);
  if (window.length) strange.push('there is a frame');
  for (const node of document.querySelectorAll('*')) {
    const name = node.localName;
    if (['iframe', 'object', 'embed', 'base', 'frame'].includes(name)) strange.push(node.outerHTML);
    if (name === 'script' && !new URL(node.src, 'http://none/').pathname.startsWith('/static/')) strange.push(node.outerHTML);
    for (const { name: word, value } of node.attributes) {
      if (word.startsWith('on')) strange.push(`${name} has ${word}`);
      if (!['href', 'src', 'action', 'formaction', 'xlink:href'].includes(word) || value === '') continue;
      const { origin, protocol } = new URL(value, location.href);
      if (origin !== location.origin && protocol !== 'data:') strange.push(`${name} leads to ${value}`);
      if (protocol === 'data:' && !value.startsWith('data:image/')) strange.push(`${name} leads to ${value}`);
    }
  }
  return strange;
}"""
_SPILLED = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll('body *')].filter((node) => node.getBoundingClientRect().right > width + 0.5);
  return [`${document.documentElement.scrollWidth} px wide`, ...wide.slice(0, 8).map((node) => node.outerHTML.slice(0, 160))];
}"""
# WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels, but for links in a sentence and what a browser draws itself.
_SMALL = """() => [...document.querySelectorAll('a[href], button, select, summary, input, textarea, [role=button], [tabindex="0"]')]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('.unseen, .skip'))
  .map((node) => {
    const found = node.matches('input') && node.labels?.length ? node.labels[0] : node;
    return { node, box: found.getBoundingClientRect(), own: node.getBoundingClientRect() };
  })
  .filter(({ node, box, own }) => {
    const tall = Math.max(box.height, own.height);
    const wide = Math.max(box.width, own.width);
    const isInline = getComputedStyle(node).display === 'inline' && node.closest('p, li, dd, td, th, figcaption');
    return own.width > 0 && !isInline && (tall < 23.99 || wide < 23.99);
  })
  .map(({ node, own }) => `${Math.round(own.width)}x${Math.round(own.height)} ${node.outerHTML.slice(0, 140)}`)"""


@dataclass  # without slots: Playwright keeps a mark of its own on whose method hears its events
class Person:
    """One person's tab. troubles: what the console and the network said that no page may cause."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    async def opens(self, path: str) -> None:
        """Go to an address of the dashboard."""
        await self.page.goto(path)

    async def sees(self, *texts: str, within: str = "body") -> None:
        """Wait until all these texts are shown."""
        for text in texts:
            await expect(self.page.locator(within)).to_contain_text(text, timeout=PATIENCE_MS, use_inner_text=True)

    async def rows(self) -> list[str]:
        """Which Rollouts are listed, "namespace/name", from top to bottom, as far as they are drawn."""
        keys = "() => [...document.querySelectorAll('tr[data-key]:not(.gap)')].map((row) => row.dataset.key)"
        return list(await self.page.evaluate(keys))

    async def lists(self, *keys: str) -> None:
        """Wait until these and no others are listed, in this order."""
        rows = self.page.locator("tr[data-key]:not(.gap)")
        await expect(rows).to_have_count(len(keys), timeout=PATIENCE_MS)
        for row, key in zip(await rows.all(), keys, strict=True):
            await expect(row).to_have_attribute("data-key", key, timeout=PATIENCE_MS)

    def row(self, key: str) -> Locator:
        """The row of a Rollout."""
        return self.page.locator(f"tr[data-key='{key}']")

    async def is_at(self, path: str) -> None:
        """Wait until this is the address."""
        await self.page.wait_for_url(lambda url: _path(url) == path, timeout=PATIENCE_MS)

    async def strange(self) -> list[str]:
        """What is on the page that nobody of us has put there."""
        return list(await self.page.evaluate(_FOREIGN))

    async def barriers(self, *schemes: Literal["light", "dark"]) -> list[str]:
        """What keeps people out of the page as it is now, as axe-core finds it: serious and critical findings.

        schemes: of colours, () for the present one alone.
        """
        found = []
        for scheme in schemes or (None,):
            if scheme is not None:
                await self.page.emulate_media(color_scheme=scheme)
            await self.page.evaluate("() => Promise.allSettled(document.getAnimations().map((one) => one.finished))")
            found += [f"{scheme or ''} {one}".lstrip() for one in await self._judged_by_axe()]
        return found

    async def _judged_by_axe(self) -> list[str]:
        await self.page.evaluate(axe().read_text())
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [_finding(rule) for rule in found["violations"] if rule["impact"] in SERIOUS]

    async def spills(self) -> list[str]:
        """What makes the page wider than the window; [] when nothing does."""
        return list(await self.page.evaluate(_SPILLED))

    async def small_targets(self) -> list[str]:
        """What is too small to be hit by a finger."""
        return list(await self.page.evaluate(_SMALL))

    def hears(self, message: ConsoleMessage) -> None:
        """Note what the console says, unless it is of an answer that a page asked for."""
        if message.type in ("error", "warning") and not message.text.startswith(_ASKED):
            self.troubles.append(f"console {message.type}: {message.text}")

    def gets(self, response: Response) -> None:
        """Note what is not there, but for what the API refuses."""
        if response.status >= 400 and not urlsplit(response.url).path.startswith(("/api/", "/login/")):
            self.troubles.append(f"{response.status} {response.url}")


@asynccontextmanager
async def a_person(browser: Browser, url: str, user: str = "", **how: Any) -> AsyncIterator[Person]:
    """A tab in a browser of its own at noon of the dashboard's day; `user` is who sends his token along, "" nobody."""
    headers = {"extra_http_headers": {"Authorization": f"Bearer {user}"}} if user else {}
    context = await browser.new_context(**{"base_url": url, "viewport": DESK, "locale": "en-GB", **headers, **how})
    try:
        yield await another_tab(context)
    finally:
        await context.close()


async def another_tab(context: BrowserContext) -> Person:
    """One more tab of the same person."""
    page = await context.new_page()
    person = Person(page)
    await page.clock.install(time=NOON)
    await page.add_init_script(_NOTED)
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", person.hears)
    page.on("response", person.gets)
    page.on("pageerror", lambda error: person.troubles.append(f"error: {error}"))
    page.on("dialog", lambda dialog: person.troubles.append(f"dialog: {dialog.message}"))
    return person


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _finding(rule: dict[str, Any]) -> str:
    where = "; ".join(
        f"{node['target'][0]}: {node['failureSummary'].splitlines()[-1].strip()}" for node in rule["nodes"][:4]
    )
    return f"{rule['impact']} {rule['id']} ({rule['help']}) at {where}"
