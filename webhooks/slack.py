"""Has Slack sent this, just now and for the first time, and who serves it?

The raw body is verified before anything of it is read, and answered at once: Slack waits three seconds. What was asked
for goes on in the background and is said in Slack.
"""

import asyncio
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from slack_sdk.signature import SignatureVerifier

from rollout.model.receiver import Receiver, Sender
from rollout.ports.receivers import ReceiverSecrets, StoredReceiver
from rollout.services.slack_desk import SlackDesk, Visit
from webhooks.slack_payloads import Pressed, Typed, UnreadableError, read

MOST_BYTES = 256 * 1024  # a payload holds the whole message with its blocks: some 100 KiB at most
SLACKS_WINDOW = timedelta(minutes=5)  # Slack's own advice; a Receiver may say less
_MOST_AT_ONCE = 32
_MOST_SEEN = 20_000  # more than `most_per_minute` lets through in two windows
_WORK_FOR = timedelta(seconds=60)
_SECONDS = re.compile(r"[0-9]{1,11}")
_TIMESTAMP, _SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"

log = structlog.get_logger("rollout.webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Slack is answered. body: for the log of the app's maker; Slack shows nobody an error's body."""

    status: int
    body: str = ""


class SlackHook:
    """Requests of Slack for all Receivers. Close it when done: what is being done is given up."""

    def __init__(self, desk: SlackDesk) -> None:
        self._desk = desk
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._doing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up what is being done."""
        for task in self._doing:
            task.cancel()
        await asyncio.gather(*self._doing, return_exceptions=True)

    async def idle(self) -> None:
        """Return once nothing is being done."""
        while self._doing:
            await asyncio.wait(self._doing)

    async def slack(
        self,
        receiver: StoredReceiver,
        secrets: ReceiverSecrets,
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
    ) -> Answer:
        """200 at once for a request of Slack's that is new; 401, 404, 413, 422 or 503 for all others.

        headers: by name in lower case.
        """
        who = receiver.receiver
        if who is None or who.sender is not Sender.SLACK or who.suspend:
            return Answer(status=404)
        if len(body) > MOST_BYTES:
            return Answer(status=413)
        if not is_signed(body, headers, secrets.signing, now) or not _is_new(headers, who, now):
            log.warning("slack_unsigned", receiver=str(receiver.key))
            return Answer(status=401)
        try:
            found = read(body)
        except UnreadableError as error:
            log.warning("slack_unreadable", receiver=str(receiver.key), why=str(error))
            return Answer(status=422, body=str(error))
        if found is None:
            return Answer(status=200)
        if len(self._doing) >= _MOST_AT_ONCE:
            log.warning("slack_too_much_at_once", receiver=str(receiver.key))
            return Answer(status=503, body="too much at once; try again")
        if not self._is_first(receiver.uid, found.once, now):
            log.warning("slack_replayed", receiver=str(receiver.key), user=found.claim.user)
            return Answer(status=401)
        task = asyncio.create_task(self._serve(who, secrets.token, found))
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return Answer(status=200)

    async def _serve(self, receiver: Receiver, token: str, found: Pressed | Typed) -> None:
        visit = Visit(receiver=receiver, token=token, claim=found.claim, answer_at=found.answer_at)
        try:
            async with asyncio.timeout(_WORK_FOR.total_seconds()):
                if isinstance(found, Pressed):
                    await self._desk.pressed(visit, found.press, found.place)
                else:
                    await self._desk.typed(visit, found.text)
        except TimeoutError:
            log.warning("slack_gave_up", receiver=str(receiver.key), user=found.claim.user)
        except Exception:
            log.exception("slack_failed", receiver=str(receiver.key), user=found.claim.user)

    def _is_first(self, receiver: str, once: str, now: datetime) -> bool:
        """Whether it has not come within two windows: a request is signed for times from one before now to one after."""
        oldest = now - 2 * SLACKS_WINDOW
        while self._seen and (len(self._seen) >= _MOST_SEEN or next(iter(self._seen.values())) < oldest):
            self._seen.popitem(last=False)
        if (receiver, once) in self._seen:
            return False
        self._seen[receiver, once] = now
        return True


def is_signed(body: bytes, headers: Mapping[str, str], secrets: tuple[bytes, ...], now: datetime) -> bool:
    """Whether one of the secrets has signed the raw body at a time within five minutes of now (Slack's v0 scheme).

    All secrets are tried and all compared in constant time. Whatever cannot be read is not signed.
    """
    sent, given = headers.get(_TIMESTAMP, ""), headers.get(_SIGNATURE, "")
    if not _SECONDS.fullmatch(sent) or abs(now - datetime.fromtimestamp(int(sent), UTC)) > SLACKS_WINDOW:
        return False
    fits = [hmac.compare_digest(given.encode(errors="replace"), wanted) for wanted in _wanted(body, sent, secrets)]
    return any(fits)


def _wanted(body: bytes, sent: str, secrets: tuple[bytes, ...]) -> list[bytes]:
    found = []
    for secret in secrets:
        try:
            verifier = SignatureVerifier(secret.decode().strip())
            found.append((verifier.generate_signature(timestamp=sent, body=body) or "").encode())
        except ValueError:  # an empty secret, or bytes that are no UTF-8: Slack sends neither
            continue
    return [one for one in found if one]


def _is_new(headers: Mapping[str, str], receiver: Receiver, now: datetime) -> bool:
    """Whether it was sent within the Receiver's own window; only for a timestamp that was read."""
    return abs(now - datetime.fromtimestamp(int(headers[_TIMESTAMP]), UTC)) <= receiver.replay_window
