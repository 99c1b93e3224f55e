"""How are Slack's directory and messages reached over its Web API?"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.people.answers import failure, wait_of
from adapters.people.places import SLACK
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError, Rejected, Unreachable
from rollout.ports.people import Card, Place, SlackPerson, Workspace

KEPT_FOR = timedelta(seconds=60)
_ATTEMPTS = 3
_KEPT = 4096  # answers; the one asked for least recently is forgotten first
_CLIENTS = 64
_BROKEN = (aiohttp.ClientError, SlackClientError, OSError, TimeoutError, ValueError)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
T = TypeVar("T")
_Call = Callable[[AsyncWebClient], Awaitable[Any]]


class Slack:
    """`Directory` and `Messages` over HTTP. Close it when done.

    within: for one call with all its repetitions; what Slack wants waited for longer is Unreachable with `retry_after`.
    jitter: 0.0 to 1.0, how much of a second is added to a wait. api: where the Web API is; a response_url must be of
    slack.com, or of this host when it is this machine. Redirects are not followed and proxies of the environment not used: a
    token goes to Slack or nowhere.
    """

    def __init__(
        self, clock: Clock, *, within: timedelta, jitter: Callable[[], float], api: str = SLACK, kept: int = _KEPT
    ) -> None:
        self._clock = clock
        self._within = within.total_seconds()
        self._jitter = jitter
        self._api = api
        self._kept = kept
        self._answers: OrderedDict[Hashable, tuple[datetime, object]] = OrderedDict()
        self._clients: OrderedDict[str, AsyncWebClient] = OrderedDict()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def person(self, workspace: Workspace, user: str) -> SlackPerson:
        """The user of that id; NotFound when the workspace does not know him."""

        async def ask() -> SlackPerson:
            answer = await self._asked(
                "users.info", workspace, lambda client: client.users_info(user=user), repeatable=True
            )
            return _person(answer.get("user"), user)

        return await self._remembered(("person", workspace, user), ask)

    async def groups(self, workspace: Workspace, user: str, among: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these user groups (ids) he is in, sorted; one that does not exist has no members."""
        return tuple([group for group in sorted(set(among)) if user in await self._members(workspace, group)])

    async def post(self, workspace: Workspace, channel: str, card: Card, thread: str = "") -> Place:
        """Where the new message is."""
        answer = await self._asked(
            "chat.postMessage",
            workspace,
            lambda client: client.chat_postMessage(
                channel=channel,
                text=card.text,
                blocks=list(map(dict, card.blocks)) or None,
                thread_ts=thread or None,
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return Place(channel=_text(answer, "channel"), ts=_text(answer, "ts"))

    async def update(self, workspace: Workspace, place: Place, card: Card) -> None:
        """Put this in place of a message of ours."""
        await self._asked(
            "chat.update",
            workspace,
            lambda client: client.chat_update(
                channel=place.channel, ts=place.ts, text=card.text, blocks=list(map(dict, card.blocks))
            ),
            repeatable=True,
        )

    async def respond(self, url: str, card: Card, *, replace: bool = False) -> None:
        """Answer to whoever did something; sent once: what was heard and not answered would be said twice."""
        if not self.is_answerable(url):
            raise Rejected("the response_url is not one of Slack's: nothing is sent there")
        body = {"text": card.text, "replace_original": replace, "response_type": "ephemeral"}
        body |= {"blocks": list(map(dict, card.blocks))} if card.blocks else {}
        try:
            async with (
                asyncio.timeout(self._within),
                self._opened().post(url, json=body, allow_redirects=False) as response,
            ):
                status = response.status
        except _BROKEN as error:
            raise Unreachable(f"response_url: Slack does not answer: {_words(error)}") from error
        if status == 404:
            raise NotFound("response_url: it is used up or older than 30 min")
        if status != 200:
            raise (Unreachable if status >= 500 or status == 429 else Rejected)(f"response_url: Slack answers {status}")

    def is_answerable(self, url: str) -> bool:
        """Whether this response_url leads to Slack, or to this machine when the API is here."""
        try:
            found, api = urlsplit(url), urlsplit(self._api)
            host, port = found.hostname or "", found.port
        except ValueError:
            return False
        if found.username is not None or found.password is not None:
            return False
        if api.hostname in _LOOPBACK:
            return (found.scheme, host, port) == (api.scheme, api.hostname, api.port)
        return found.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com")) and port in (None, 443)

    async def _members(self, workspace: Workspace, group: str) -> frozenset[str]:
        async def ask() -> frozenset[str]:
            try:
                answer = await self._asked(
                    "usergroups.users.list",
                    workspace,
                    lambda client: client.usergroups_users_list(usergroup=group, include_disabled=False),
                    repeatable=True,
                )
            except NotFound:
                return frozenset()
            users = answer.get("users")
            if not isinstance(users, list):
                raise Unreachable("usergroups.users.list: Slack's answer has no list of users")
            return frozenset(map(str, users))

        return await self._remembered(("group", workspace, group), ask)

    async def _remembered(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """What was answered less than KEPT_FOR ago, or is now; an error is not remembered."""
        now = self._clock.now()
        kept = self._answers.get(key)
        if kept is not None and now - kept[0] < KEPT_FOR:
            self._answers.move_to_end(key)
            return cast("T", kept[1])
        answer = await ask()
        self._answers[key] = (now, answer)
        self._answers.move_to_end(key)
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        return answer

    async def _asked(
        self, method: str, workspace: Workspace, call: _Call, *, repeatable: bool = False
    ) -> dict[str, Any]:
        """Slack's answer; repeated where it says when, and, if that does no harm, where there was none."""
        client = self._client(workspace.token)
        ends = time.monotonic() + self._within
        for left in reversed(range(_ATTEMPTS)):
            try:
                async with asyncio.timeout(max(ends - time.monotonic(), 0)):
                    return _data(method, (await call(client)).data)
            except SlackApiError as error:
                problem: PortError = failure(method, error)
            except _BROKEN as error:
                problem = Unreachable(f"{method}: Slack does not answer: {_words(error)}")
            wait = wait_of(problem, repeatable=repeatable)
            if wait is None or left == 0:
                raise problem
            seconds = wait.total_seconds() + self._jitter()
            if time.monotonic() + seconds >= ends:
                raise problem
            await asyncio.sleep(seconds)
        raise AssertionError("the last attempt has returned or raised")

    def _client(self, token: str) -> AsyncWebClient:
        client = self._clients.get(token)
        if client is None:
            session = cast("aiohttp.ClientSession", _Straight(self._opened()))
            client = AsyncWebClient(token=token, base_url=self._api, session=session, retry_handlers=[])
            client.proxy = None
            self._clients[token] = client
            while len(self._clients) > _CLIENTS:
                self._clients.popitem(last=False)
        return client

    def _opened(self) -> aiohttp.ClientSession:
        """The session, opened at the first request: only then there is surely an event loop."""
        if self._session is None:
            limits = aiohttp.ClientTimeout(total=self._within)
            self._session = aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session


class _Straight:
    """A session as the library uses it, which follows no redirect."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.request = partial(session.request, allow_redirects=False)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._session.closed


def _person(user: object, asked: str) -> SlackPerson:
    if not isinstance(user, dict) or user.get("id") != asked:
        raise Unreachable(f"users.info: Slack's answer is not about {asked}")
    profile = user.get("profile") or {}
    organisation = user.get("enterprise_user") or {}
    is_confirmed = user.get("is_email_confirmed") is True and user.get("is_stranger") is not True
    return SlackPerson(
        user=asked,
        team=str(user.get("team_id") or ""),
        organisation=str(organisation.get("enterprise_id") or ""),
        name=str(profile.get("display_name") or user.get("real_name") or user.get("name") or asked),
        email=str(profile.get("email") or "").lower() if is_confirmed else "",
        is_guest=any(user.get(name) is not False for name in ("is_restricted", "is_ultra_restricted")),
        is_bot=user.get("is_bot") is not False,
        is_stranger=user.get("is_stranger") is True,
        deleted=user.get("deleted") is not False,
    )


def _data(method: str, data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Unreachable(f"{method}: Slack's answer is no object")
    return data


def _text(answer: dict[str, Any], name: str) -> str:
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise Unreachable(f"chat.postMessage: Slack's answer has no {name}")
    return found


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
