"""What is the story of a release that people let go on, and how is it told while it happens?

The controller is the real one, and nothing is scripted for it: this file tells what it writes, and what people did.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rollout.cli.people_hands import approve_in_dashboard, approve_in_slack
from rollout.cli.people_shop import ANA, NEEDED, POLICY
from rollout.cli.people_stage import PeopleStage
from rollout.cli.telling import Teller, UnfinishedError
from rollout.demo.slack import Message
from rollout.demo.slack_blocks import buttons
from rollout.manifest.status import status_from_dict
from rollout.model.deeds import Approval
from rollout.model.status import Outcome, RolloutStatus, Run

REVISION = "v2"
WIDTH = 10  # of the column that says who
LOOK_S = 0.1
PATIENCE_S = 90.0  # with --press the story takes about 40 s
CLOSE = 10.0  # percent; a second has few requests, so that their share is only about what is wanted
_PLACES = {"slack": "in Slack", "dashboard": "in the dashboard", "cli": "with the CLI", "": "with the CLI"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How it went. approvals: those that let the run go on, oldest first. waited_s: from the gate's first word to the last approval."""

    outcome: Outcome
    approvals: tuple[Approval, ...]
    waited_s: float
    seconds: float


@dataclass(slots=True)
class Story:
    """One release, and who lets it go on. presses: whether the two buttons are pressed here, by nobody's hand."""

    at: PeopleStage
    presses: bool
    teller: Teller = field(default_factory=partial(Teller, WIDTH))
    patience_s: float = PATIENCE_S
    _status: RolloutStatus = field(default_factory=RolloutStatus)
    _approvals: tuple[Approval, ...] = ()
    _heard: set[str] = field(default_factory=set)  # names of commands that were told
    _deeds: list[str] = field(default_factory=list)
    _read: int = 0  # messages of Slack that were looked at
    _measured: int = 0  # the weight of which it was told that it is there
    _gated_at: float = 0.0
    _opened_at: float = 0.0

    async def play(self) -> Ending:
        """From the commit to the end of the run. UnfinishedError names what did not come, where nobody is waited for."""
        self.teller = Teller(WIDTH)
        await self.at.on.release(REVISION, failing=0)
        await self._until(f"a gate of {REVISION} that waits for {NEEDED} people", self._waits)
        message = await self._posted()
        self._gated_at = time.monotonic()
        if self.presses:
            await self._press(message)
        await self._until(f"the end of {REVISION}'s run", self._has_ended)
        past = self._status.history[0]
        ending = Ending(
            outcome=past.outcome,
            approvals=self._approvals,
            waited_s=self._opened_at - self._gated_at,
            seconds=self.teller.seconds,
        )
        if self.presses:
            self._check(ending)
        return ending

    async def _press(self, message: Message) -> None:
        await approve_in_slack(self.at, message, ANA)
        await self._until("ana's approval", lambda: len(self._approvals) == 1)
        await approve_in_dashboard(self.at, "bo")
        await self._until("bo's approval", lambda: len(self._approvals) == NEEDED)

    def _check(self, ending: Ending) -> None:
        """UnfinishedError unless the two buttons, and nothing else, brought v2 to all users."""
        came = [
            (one.identity.email or one.identity.user if one.identity else "", one.channel) for one in ending.approvals
        ]
        wanted = [("ana@shop.example", "slack"), ("bo@shop.example", "dashboard")]
        if ending.outcome is not Outcome.PROMOTED or came != wanted:
            raise UnfinishedError(f"{REVISION}: {ending.outcome.value}, approved by {came}; it should be by {wanted}")

    async def _posted(self) -> Message:
        """The message in which Slack asks; told once it is there."""
        await self._until("a message with the button Approve in Slack", lambda: bool(self._asking()))
        (message, *_) = self._asking()
        self.teller.say("slack", f"#releases: {message.text}  {' '.join(f'[{word}]' for word in _words(message))}")
        return message

    def _asking(self) -> list[Message]:
        return [one for one in self.at.workspace.messages if "Approve" in _words(one)]

    async def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Return once it is so, telling all that happens meanwhile."""
        while True:
            await self._look()
            if is_so():
                return
            if self.presses and self.teller.seconds > self.patience_s:
                raise UnfinishedError(f"after {self.patience_s:.0f} s there is not {what}: {_now(self._status)}")
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        await self._tell_people()
        status = status_from_dict(await self.at.on.status())
        for who, words in news(self._status, status):
            if not any(deed.endswith(words) for deed in self._deeds):
                self.teller.say(who, words)
        self._status = status
        if status.run is not None:
            self._tell_measured(status.run)
            if len(status.run.approvals) > len(self._approvals):
                self._approvals, self._opened_at = status.run.approvals, time.monotonic()

    async def _tell_people(self) -> None:
        """What somebody asked for and was answered, and what Slack said to one alone."""
        for command in (await self.at.on.read("rolloutcommands")).get("items", ()):
            if command["metadata"]["name"] not in self._heard and (words := deed(command)):
                self._heard.add(command["metadata"]["name"])
                self._deeds.append(words)
                self.teller.say("people", words)
        fresh = self.at.workspace.messages[self._read :]
        self._read += len(fresh)
        for message in fresh:
            if message.seen_by:
                self.teller.say("slack", f"to {self.at.workspace.members[message.seen_by].name} alone: {message.text}")

    def _tell_measured(self, run: Run) -> None:
        share = self.at.on.shares.get(run.canary.name, 0.0)
        if run.weight not in (0, self._measured) and run.weight / 2 <= share <= run.weight + CLOSE:
            self._measured = run.weight
            self.teller.say("traffic", f"{share:.0f} % of the last second's requests went to {run.canary.name}")

    def _waits(self) -> bool:
        return any(reason.code == "AwaitingApproval" for reason in self._status.reasons)

    def _has_ended(self) -> bool:
        return bool(self._status.history) and self._status.history[0].revision == REVISION and self._status.run is None


def news(before: RolloutStatus, now: RolloutStatus) -> Iterator[tuple[str, str]]:
    """Who or what (slack, people, controller), and what is new about it, oldest first."""
    run, former = now.run, before.run
    if run is not None:
        if former is None:
            yield "controller", f"{run.canary.name} is on trial: {POLICY} decide with {NEEDED} people how far it goes"
        if run.weight != (former.weight if former else 0):
            yield "controller", f"step {run.step} of {len(run.plan)}: {run.canary.name} gets {run.weight} %"
    told = {reason.message for reason in before.reasons}
    for reason in now.reasons:
        if reason.code == "AwaitingApproval" and reason.message not in told:
            yield "controller", reason.message
    if now.history and now.history[:1] != before.history[:1]:
        past = now.history[0]
        yield "controller", f"run {past.run} of {past.revision}: {past.outcome.value.lower()} ({past.message})"


def summary(ending: Ending) -> str:
    """The story in figures."""
    by = " and ".join(f"{one.by} {_place(one.channel)}" for one in ending.approvals) or "nobody"
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


def _place(channel: str) -> str:
    return _PLACES.get(channel, f"by {channel}")


def _words(message: Message) -> list[str]:
    return [str(button["text"]["text"]) for _, button in buttons(message.blocks)]


def _now(status: RolloutStatus) -> str:
    why = "; ".join(reason.message for reason in status.reasons)
    return f"{status.phase.value}; {why or status.next or 'the controller has said nothing'}"
