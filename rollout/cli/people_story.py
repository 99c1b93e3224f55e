"""What is the story of a release that people let go on, and how is it told while it happens?

The controller is the real one, and nothing is scripted for it: this file tells what it writes, and what people did.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from rollout.cli.people_shop import ANA, CHANNEL, NEEDED, POLICY
from rollout.cli.telling import Teller, UnfinishedError
from rollout.demo.slack import Message, Workspace
from rollout.demo.slack_blocks import buttons
from rollout.manifest.status import status_from_dict
from rollout.model.deeds import Approval
from rollout.model.status import Outcome, RolloutStatus, Run

REVISION = "v2"
WIDTH = 10  # of the column that says who
TWICE = re.compile(r"^ana@.* is refused: .*one person counts once")
LOOK_S = 0.1
PATIENCE_S = 90.0  # with --press the story takes about 40 s
CLOSE = 10.0  # percent; a second has few requests, so that their share is only about what is wanted
PRESSED = [("ana@shop.example", "slack"), ("bo@shop.example", "dashboard")]  # with --press, in this order
_PLACES = {"slack": "in Slack", "dashboard": "in the dashboard", "cli": "with the CLI", "": "with the CLI"}


class Shop(Protocol):
    """Where it plays. shares: percent of the last second's requests, by revision."""

    shares: dict[str, float]

    async def release(self, name: str, *, failing: float) -> None:
        """Deploy a revision and commit the spec that names it."""

    async def status(self) -> dict[str, Any]:
        """What the controller wrote about the Rollout; {} before it did."""

    async def read(self, path: str) -> dict[str, Any]:
        """A list of ours in the shop's namespace; {} where there is none."""


class Hands(Protocol):
    """Who presses the buttons where nobody sits in front of them."""

    async def approve_in_slack(self, message: Message, user: str) -> None:
        """Press Approve below the message, as this member."""

    async def approve_in_dashboard(self, name: str) -> None:
        """Sign in as this person, and press Approve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How it went. approvals: all of the run, oldest first. waited_s: from the gate's first word to the last approval."""

    outcome: Outcome
    approvals: tuple[Approval, ...]
    waited_s: float
    seconds: float


@dataclass(slots=True, kw_only=True)
class Story:
    """One release, and who lets it go on. hands: None where people are waited for, as long as they take."""

    shop: Shop
    workspace: Workspace
    hands: Hands | None = None
    teller: Teller = field(default_factory=partial(Teller, WIDTH))
    patience_s: float = PATIENCE_S
    _status: RolloutStatus = field(default_factory=RolloutStatus)
    _approvals: tuple[Approval, ...] = ()
    _deeds: dict[str, str] = field(default_factory=dict)  # what was told of each command, by its name
    _read: int = 0  # messages of Slack that were looked at
    _measured: int = 0  # the weight of which it was told that it is there
    _gated_at: float = 0.0
    _approved_at: float = 0.0

    async def play(self) -> Ending:
        """From the commit to the end of the run. UnfinishedError names what did not come, where nobody is waited for."""
        self.teller = Teller(WIDTH)
        await self.shop.release(REVISION, failing=0)
        if self.hands is not None:
            await self._press(self.hands)
        await self._until(f"the end of {REVISION}'s run", self._has_ended)
        ending = Ending(
            outcome=self._status.history[0].outcome,
            approvals=self._approvals,
            waited_s=max(self._approved_at - self._gated_at, 0),
            seconds=self.teller.seconds,
        )
        if self.hands is not None:
            check(ending)
        return ending

    async def _press(self, hands: Hands) -> None:
        await self._until("a message with the button Approve in Slack", lambda: bool(self._asking()))
        await hands.approve_in_slack(self._asking()[0], ANA)
        await self._until("ana's approval", lambda: len(self._approvals) == 1)
        await hands.approve_in_dashboard("ana")
        await self._until("a refusal of ana's second approval", lambda: any(map(TWICE.search, self._deeds.values())))
        await hands.approve_in_dashboard("bo")
        await self._until("bo's approval", lambda: len(self._approvals) == NEEDED)

    def _asking(self) -> list[Message]:
        return [one for one in self.workspace.messages if "Approve" in _words(one)]

    async def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Return once it is so, telling all that happens meanwhile."""
        while True:
            await self._look()
            if is_so():
                return
            if self.hands is not None and self.teller.seconds > self.patience_s:
                raise UnfinishedError(f"after {self.patience_s:.0f} s there is not {what}: {_now(self._status)}")
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        await self._tell_people()
        status = status_from_dict(await self.shop.status())
        for who, words in news(self._status, status):
            if not any(told.endswith(words) for told in self._deeds.values()):
                self.teller.say(who, words)
        self._status = status
        self._tell_slack()
        if status.run is not None:
            self._note(status.run)

    async def _tell_people(self) -> None:
        for command in (await self.shop.read("rolloutcommands")).get("items", ()):
            name = command["metadata"]["name"]
            if name not in self._deeds and (words := deed(command)):
                self._deeds[name] = words
                self.teller.say("people", words)

    def _tell_slack(self) -> None:
        """New messages; replies below one say what it says."""
        fresh = self.workspace.messages[self._read :]
        self._read += len(fresh)
        for message in fresh:
            if message.seen_by:
                self.teller.say("slack", f"to {self.workspace.members[message.seen_by].name} alone: {message.text}")
            elif not message.thread_ts:
                buttons_there = " ".join(f"[{word}]" for word in _words(message))
                self.teller.say("slack", f"#{CHANNEL}: {message.text}  {buttons_there}")

    def _note(self, run: Run) -> None:
        """What is measured here, and not written by the controller: traffic, and how long people took."""
        share = self.shop.shares.get(run.canary.name, 0.0)
        if run.weight not in (0, self._measured) and 0.6 * run.weight <= share <= run.weight + CLOSE:
            self._measured = run.weight
            self.teller.say("traffic", f"{share:.0f} % of the last second's requests went to {run.canary.name}")
        if not self._gated_at and any(reason.code == "AwaitingApproval" for reason in self._status.reasons):
            self._gated_at = self.teller.seconds
        if len(run.approvals) > len(self._approvals):
            self._approvals, self._approved_at = run.approvals, self.teller.seconds

    def _has_ended(self) -> bool:
        history = self._status.history
        return bool(history) and history[0].revision == REVISION and self._status.run is None


def check(ending: Ending) -> None:
    """UnfinishedError unless the two buttons, and nothing else, brought the revision to all users."""
    came = [(_who(one), one.channel) for one in ending.approvals]
    if ending.outcome is not Outcome.PROMOTED or came != PRESSED:
        raise UnfinishedError(
            f"{REVISION}: {ending.outcome.value.lower()}, approved by {came}; it should be by {PRESSED}"
        )


def news(before: RolloutStatus, now: RolloutStatus) -> Iterator[tuple[str, str]]:
    """Who or what (slack, people, controller), and what is new about it, oldest first."""
    run, former = now.run, before.run
    if run is not None:
        if former is None:
            yield "controller", f"{run.canary.name} is on trial: {POLICY} decide with {NEEDED} people how far it goes"
        if run.weight != (former.weight if former else 0):
            step = f"step {run.step} of {len(run.plan)}" if run.step <= len(run.plan) else "all steps passed"
            yield "controller", f"{step}: {run.canary.name} gets {run.weight} %"
    told = {reason.message for reason in before.reasons}
    for reason in now.reasons:
        if reason.code == "AwaitingApproval" and reason.message not in told:
            yield "controller", reason.message
    if now.history and now.history[:1] != before.history[:1]:
        past = now.history[0]
        yield "controller", f"run {past.run} of {past.revision}: {past.outcome.value.lower()} ({past.message})"


def summary(ending: Ending) -> str:
    """The story in figures."""
    by = " and ".join(f"{_who(one)} {_place(one.channel)}" for one in ending.approvals) or "nobody"
    return (
        f"Summary: {REVISION} {ending.outcome.value.lower()} after {ending.seconds:.0f} s, "
        f"of which it waited {ending.waited_s:.1f} s for people. Approved by {by}."
    )


def deed(command: Mapping[str, Any]) -> str:
    """What somebody did by this RolloutCommand, where, and what was answered; "" while nothing is."""
    spec, status = command["spec"], command.get("status") or {}
    if "result" not in status:
        return ""
    who = spec["actor"].get("email") or spec["actor"]["user"]
    return f"{who}, {_place(spec.get('channel', ''))}: {spec['verb']} is {status['result'].lower()}: {status.get('message', '')}"


def _who(approval: Approval) -> str:
    by = approval.identity
    return (by.email or by.user) if by is not None else approval.by


def _place(channel: str) -> str:
    return _PLACES.get(channel, f"by {channel}")


def _words(message: Message) -> list[str]:
    return [str(button["text"]["text"]) for _, button in buttons(message.blocks)]


def _now(status: RolloutStatus) -> str:
    why = "; ".join(reason.message for reason in status.reasons)
    return f"{status.phase.value}; {why or status.next or 'the controller has said nothing'}"
