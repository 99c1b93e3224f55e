"""How is a webhook called over HTTP so that neither silence, nor size, nor a redirect does harm?"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

import aiohttp

from adapters.hooks.payload import body_of, id_of, secret_in, signed
from rollout.model.hooks import HookAnswer, HookQuestion
from rollout.ports.clock import Clock
from rollout.ports.errors import PortError

MOST_BYTES = 4096  # of an answer; only its first line is told
MOST_SIGNS = 200  # of that line
PAUSE = timedelta(milliseconds=500)  # before the first retry, twice as long before each further one, times jitter
LONGEST_PAUSE = timedelta(seconds=10)
_HIGHEST_PASS = 202  # Flagger's code takes status <= 202 for success: 204 is a failure there, and so it is here
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
_DISTRIBUTION = "rollout-controller"

# (namespace, name of the Secret) -> what it holds under `secret` and `previous`, the newest first
Secrets = Callable[[str, str], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What came of one attempt. again: whether another one may come to something else."""

    passed: bool
    message: str
    again: bool = False


class HttpHooks:
    """`HookCalls` over HTTP. Close it when done.

    Addresses inside the cluster are where testers live, so none is forbidden; redirects are not followed and proxies of
    the environment not used. jitter: 0.0 to 1.0. pause: before the first retry.
    """

    def __init__(
        self, clock: Clock, secrets: Secrets, *, jitter: Callable[[], float], pause: timedelta = PAUSE
    ) -> None:
        self._clock = clock
        self._secrets = secrets
        self._jitter = jitter
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def call(self, question: HookQuestion) -> HookAnswer:
        """What came of it; a 5xx and silence are tried again as often as the hook says."""
        came = _Came(passed=False, message="was not called")
        for attempt in range(question.hook.retries + 1):
            if attempt:
                await asyncio.sleep(self._wait(attempt).total_seconds())
            came = await self._attempt(question)
            if not came.again:
                break
        return HookAnswer(
            passed=came.passed,
            message=came.message,
            run=question.run,
            step=question.step,
            asked=question.asked,
            at=max(self._clock.now(), question.asked),
        )

    def _wait(self, attempt: int) -> timedelta:
        longest: timedelta = min(self._pause * 2.0 ** (attempt - 1), LONGEST_PAUSE)
        return longest * (0.5 + self._jitter() / 2)

    async def _attempt(self, question: HookQuestion) -> _Came:
        """One call within the hook's time-out, from the look at the Secret to the end of the answer."""
        limit = question.hook.timeout.total_seconds()
        try:
            async with asyncio.timeout(limit):
                return await self._posted(question)
        except TimeoutError:
            return _Came(passed=False, message=f"no answer within {limit:g} s", again=True)
        except PortError as error:
            return _Came(passed=False, message=f"it cannot be signed: {error}", again=True)
        except _BROKEN as error:
            return _Came(passed=False, message=f"cannot be reached: {_line(str(error))}", again=True)

    async def _posted(self, question: HookQuestion) -> _Came:
        body = body_of(question)
        headers = {"Content-Type": "application/json"}
        if question.hook.secret:
            try:
                given = await self._secrets(question.key.namespace, question.hook.secret)
                keys = tuple(secret_in(text) for text in given)
            except ValueError as error:
                where = f"Secret {question.key.namespace}/{question.hook.secret}"
                return _Came(passed=False, message=f"it cannot be signed: {where} {error}")
            headers |= signed(body, id_of(question), self._clock.now(), keys)
        url = question.hook.url
        async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as response:
            code = response.status
            if 300 <= code < 400:
                return _Came(passed=False, message=f"{code}: redirects are not followed; write where it leads to")
            said = _line((await _beginning(response)).decode(errors="replace"))
            message = f"{code}: {said}" if said else str(code)
            return _Came(passed=code <= _HIGHEST_PASS, message=message, again=code >= 500)

    def _opened(self) -> aiohttp.ClientSession:
        """The session, opened at the first call: only then there is surely an event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": f"rollout/{_version()}", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                requote_redirect_url=False,
                trust_env=False,
            )
        return self._session


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """At most MOST_BYTES of the answer; what comes after them is not waited for."""
    text = bytearray()
    while len(text) < MOST_BYTES:
        piece = await response.content.read(MOST_BYTES - len(text))
        if not piece:
            return bytes(text)
        text += piece
    response.close()
    return bytes(text)


def _line(text: str) -> str:
    """The first line that says something, printable and short."""
    lines = ("".join(sign if sign.isprintable() else " " for sign in line).strip() for line in text.splitlines())
    line = next(filter(None, lines), "")
    return line if len(line) <= MOST_SIGNS else f"{line[: MOST_SIGNS - 3].rstrip()}..."


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0"
