"""Has Slack sent this, just now and for the first time?

The raw body is verified before anything of it is read, and answered at once: Slack waits three seconds. What was asked
for goes on in the background, and is said in Slack.
"""

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog
from fastapi import Response
from slack_sdk.signature import SignatureVerifier

from rollout.model.receiver import Receiver, Sender
from rollout.ports.errors import PortError
from rollout.ports.receivers import ReceiverSecrets
from rollout.services.slack_desk import SlackDesk, Visit
from webhooks.knock import Knock, Refusal, RefusedError
from webhooks.limits import Deliveries
from webhooks.slack_payloads import Pressed, Typed, UnreadableError, read

MOST_BYTES = 256 * 1024  # a payload holds the whole message with its blocks: some 100 KiB at most
LONGEST_WINDOW = timedelta(minutes=5)  # Slack's own advice; a Receiver may say less
MOST_AT_ONCE = 32
_SECONDS = re.compile(r"[0-9]{1,11}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

log = structlog.get_logger("rollout.webhooks")


@dataclass(slots=True, kw_only=True)
class SlackHooks:
    """The route of Slack, for all its Receivers. Close it when done: what is being done is given up.

    secrets: what a Receiver's Secret holds, for the bot's token. within: for what goes on after the answer.
    """

    desk: SlackDesk
    secrets: Callable[[Receiver], Awaitable[ReceiverSecrets]]
    senders: frozenset[Sender] = frozenset({Sender.SLACK})
    most_bytes: int = MOST_BYTES
    within: timedelta = timedelta(seconds=60)
    _deliveries: Deliveries = field(default_factory=Deliveries)
    _doing: set[asyncio.Task[None]] = field(default_factory=set)

    async def __call__(self, knock: Knock) -> Response:
        """200 at once, since Slack takes nothing else; RefusedError for what is not Slack's, not new or not readable."""
        window = verify(knock)
        try:
            found = read(knock.body)
        except UnreadableError as error:
            raise RefusedError(Refusal.UNREADABLE, str(error)) from error
        if found is None:
            return Response(status_code=200)
        if not self.has_room:
            raise RefusedError(Refusal.UNAVAILABLE, "too much at once; try again")
        if not self._deliveries.is_new(knock.uid, found.once, knock.now + 2 * window, knock.now):
            raise RefusedError(Refusal.REPLAYED)
        task = asyncio.create_task(self._serve(knock.receiver, f"{knock.uid} {found.once}", found))
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return Response(status_code=200)

    @property
    def is_busy(self) -> bool:
        """Whether anything is being done."""
        return bool(self._doing)

    @property
    def has_room(self) -> bool:
        """Whether one thing more can be done at once."""
        return len(self._doing) < MOST_AT_ONCE

    async def close(self) -> None:
        """Give up what is being done."""
        for task in self._doing:
            task.cancel()
        await asyncio.gather(*self._doing, return_exceptions=True)

    async def idle(self) -> None:
        """Return once nothing is being done."""
        while self._doing:
            await asyncio.wait(self._doing)

    async def _serve(self, receiver: Receiver, once: str, found: Pressed | Typed) -> None:
        visit = Visit(receiver=receiver, token="", claim=found.claim, answer_at=found.answer_at, once=once)
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                visit = replace(visit, token=await self._token(receiver))
                if isinstance(found, Pressed):
                    await self.desk.pressed(visit, found.press, found.place)
                else:
                    await self.desk.typed(visit, found.text)
        except Exception:  # what is wrong with one request must not be the end of the others
            log.exception("slack_failed", receiver=str(receiver.key), user=found.claim.user)
            await self.desk.gave_up(visit)

    async def _token(self, receiver: Receiver) -> str:
        try:
            return (await self.secrets(receiver)).token
        except PortError as error:
            log.warning("slack_token_unread", receiver=str(receiver.key), why=str(error))
            return ""  # the desk says that nobody can be looked up


def verify(knock: Knock) -> timedelta:
    """The window in which it is new: Slack has signed the raw body (its scheme v0) within it; RefusedError else.

    All secrets that count are tried, and compared in constant time. What cannot be read is not signed.
    """
    sent, given = knock.header("x-slack-request-timestamp"), knock.header("x-slack-signature")
    if not _SECONDS.fullmatch(sent) or not _SIGNATURE.fullmatch(given):
        raise RefusedError(Refusal.UNSIGNED)
    if sum(hmac.compare_digest(given.encode(), wanted) for wanted in _wanted(knock, sent)) == 0:
        raise RefusedError(Refusal.FORGED)
    window = min(knock.receiver.replay_window, LONGEST_WINDOW)
    if abs(knock.now - datetime.fromtimestamp(int(sent), UTC)) > window:
        raise RefusedError(Refusal.STALE)
    return window


def _wanted(knock: Knock, sent: str) -> list[bytes]:
    """What each secret signs this body with."""
    found = []
    for secret in knock.secrets:
        try:
            signature = SignatureVerifier(secret.decode().strip()).generate_signature(timestamp=sent, body=knock.body)
        except ValueError:  # an empty secret, or a body or secret that is no UTF-8: Slack sends neither
            continue
        found.append((signature or "").encode())
    return found
