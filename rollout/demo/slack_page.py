"""How does a browser show the workspace's messages, with buttons that work?

Plain HTML without scripts: who one is, is chosen at the top; a button with a dialog leads to a page that asks.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from html import escape, unescape
from typing import Any
from urllib.parse import quote

from aiohttp import web

from rollout.demo.slack import Message, Workspace
from rollout.demo.slack_blocks import buttons
from rollout.demo.slack_clicks import press, send, slash

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
REFRESH_S = 2
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'"
_MENTION = re.compile(r"&lt;@(\w+)&gt;")
# Those that our messages have, in glyphs that every machine has a font for.
_EMOJI = {
    ":white_check_mark:": "✔",
    ":x:": "✘",
    ":grey_question:": "?",
    ":warning:": "⚠",
    ":hourglass_flowing_sand:": "◷",
}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 46rem; padding: 1rem; color: #1d1c1d; background: #fff }
article { border-left: 3px solid #ddd; padding: .2rem .8rem; margin: .8rem 0 } article.only { background: #f4f4f4 }
article.reply { margin-left: 2rem } h3 { margin: .3rem 0 } small { color: #616061 } iframe { width: 100%; height: 75vh; border: 0 }
button, a.b { font: inherit; padding: .2rem .7rem; border: 1px solid #aaa; border-radius: 4px; background: #fff; color: inherit; text-decoration: none }
.primary { background: #007a5a !important; color: #fff !important } .danger { background: #c01343 !important; color: #fff !important }
p { white-space: pre-wrap; margin: .3rem 0 } input, select { font: inherit; padding: .2rem }
@media (prefers-color-scheme: dark) { body { background: #1a1d21; color: #d1d2d3 } article.only, button, a.b { background: #27242c } small { color: #ababad } }
"""


def routes(workspace: Workspace, app: Callable[[], str]) -> tuple[Route, ...]:
    """The pages, as `slack.serving` takes them. app: where the app under test takes presses and commands; "" not yet."""
    pages = Pages(workspace, app)
    return (
        ("GET", "/", pages.frame),
        ("GET", "/messages", pages.messages),
        ("GET", "/confirm", pages.confirm),
        ("POST", "/press", pages.press),
        ("POST", "/slash", pages.slash),
    )


class Pages:
    """The pages of one workspace."""

    def __init__(self, workspace: Workspace, app: Callable[[], str]) -> None:
        self._at = workspace
        self._app = app

    async def frame(self, request: web.Request) -> web.Response:
        """The whole window: who one is, the messages, and a line to type a command."""
        user = self._user(request.query.get("user", ""))
        options = "".join(
            f'<option value="{escape(one.id)}"{" selected" if one.id == user else ""}>{escape(one.name)}</option>'
            for one in self._at.members.values()
        )
        return _page(
            f"<h1>#{escape(next(iter(self._at.channels.values())))}</h1>"
            f'<form method="get" action="/"><label>I am <select name="user">{options}</select></label> '
            "<button>change</button></form>"
            f'<iframe title="messages" src="/messages?user={quote(user)}"></iframe>'
            f'<form method="post" action="/slash"><input type="hidden" name="user" value="{escape(user)}">'
            '<label>/rollout <input name="text" size="50" autocomplete="off"></label> <button>send</button></form>'
        )

    async def messages(self, request: web.Request) -> web.Response:
        """The messages that the user sees, the newest last."""
        user = self._user(request.query.get("user", ""))
        shown = [self._article(one, user) for one in self._at.messages if one.seen_by in ("", user)]
        return _page("".join(shown) or "<p>Nothing was said yet.</p>", refresh=True)

    async def confirm(self, request: web.Request) -> web.Response:
        """What a button's dialog asks; a button without one is pressed the same way."""
        user = self._user(request.query.get("user", ""))
        message, button = self._button(request.query.get("ts", ""), request.query.get("action", ""))
        dialog = button.get("confirm") or {}
        title = dialog.get("title", {}).get("text") or button["text"]["text"]
        hidden = {"user": user, "ts": message.ts, "action": button["action_id"]}
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items()
        )
        yes = dialog.get("confirm", {}).get("text", "Yes")
        no = dialog.get("deny", {}).get("text", "Cancel")
        return _page(
            f"<h3>{escape(unescape(title))}</h3><p>{self._mrkdwn(dialog.get('text', {}).get('text', ''))}</p>"
            f'<form method="post" action="/press">{fields}<button class="{_css(button)}">{escape(yes)}</button> '
            f'<a class="b" href="/?user={quote(user)}">{escape(no)}</a></form>'
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Press a button, and go back."""
        form = await request.post()
        user = self._user(str(form.get("user", "")))
        message, button = self._button(str(form.get("ts", "")), str(form.get("action", "")))
        await send(self._at, self._app(), press(self._at, message, str(button["action_id"]), user), user)
        raise web.HTTPSeeOther(f"/?user={quote(user)}")

    async def slash(self, request: web.Request) -> web.StreamResponse:
        """Type a command, and go back."""
        form = await request.post()
        user = self._user(str(form.get("user", "")))
        await send(self._at, self._app(), slash(self._at, str(form.get("text", "")), user), user)
        raise web.HTTPSeeOther(f"/?user={quote(user)}")

    def _user(self, given: str) -> str:
        return given if given in self._at.members else next(iter(self._at.members), "")

    def _button(self, ts: str, action: str) -> tuple[Message, dict[str, Any]]:
        for message in self._at.messages:
            for _, button in buttons(message.blocks) if message.ts == ts else ():
                if button["action_id"] == action:
                    return message, dict(button)
        raise web.HTTPNotFound(text="there is no such button any more; go back\n")

    def _article(self, message: Message, user: str) -> str:
        kind = "only" if message.seen_by else "reply" if message.thread_ts else ""
        note = "<small>only visible to you</small>" if message.seen_by else ""
        edited = " <small>(edited)</small>" if message.edits else ""
        body = "".join(self._block(block, message, user) for block in message.blocks) or self._paragraph(message.text)
        return f'<article class="{kind}">{note}{body}{edited}</article>'

    def _block(self, block: dict[str, Any], message: Message, user: str) -> str:
        match block["type"]:
            case "header":
                return f"<h3>{escape(unescape(block['text']['text']))}</h3>"
            case "section":
                fields = [block["text"], *block.get("fields", [])]
                return "".join(self._paragraph(field["text"]) for field in fields)
            case "context":
                words = " · ".join(self._mrkdwn(element["text"]) for element in block["elements"])
                return f"<p><small>{words}</small></p>"
            case "actions":
                return f"<p>{' '.join(self._links(block, message, user))}</p>"
            case _:
                return "<hr>"

    def _links(self, block: dict[str, Any], message: Message, user: str) -> Iterator[str]:
        for button in block["elements"]:
            query = f"user={quote(user)}&ts={quote(message.ts)}&action={quote(button['action_id'])}"
            link = escape(f"/confirm?{query}")
            text = escape(unescape(button["text"]["text"]))
            yield f'<a class="b {_css(button)}" target="_top" href="{link}">{text}</a>'

    def _paragraph(self, text: str) -> str:
        return f"<p>{self._mrkdwn(text)}</p>"

    def _mrkdwn(self, text: str) -> str:
        """Slack's own three escapes stay what they are; everything else is text, but mentions, *bold* and `code`."""
        shown = escape(text, quote=True)
        for name, glyph in _EMOJI.items():
            shown = shown.replace(name, glyph)
        shown = _MENTION.sub(lambda found: f"<b>@{escape(self._name(found[1]))}</b>", shown)
        shown = shown.replace("&amp;lt;", "&lt;").replace("&amp;gt;", "&gt;").replace("&amp;amp;", "&amp;")
        shown = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", shown)
        return re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", shown)

    def _name(self, user: str) -> str:
        return self._at.members[user].name if user in self._at.members else user


def _css(button: dict[str, Any]) -> str:
    return {"primary": "primary", "danger": "danger"}.get(str(button.get("style")), "")


def _page(body: str, *, refresh: bool = False) -> web.Response:
    again = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if refresh else ""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{again}<title>Slack of the demo</title>'
    text = f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>'
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})
