"""How does a test knock as Slack does at the real door: path, limits, raw body, Secret, and only then the desk?"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.kube.objects import KubeObjects
from adapters.memory.people import MemorySlack
from rollout.demo.slack import TEAM
from tests.support.asgi import Answer
from tests.support.builders import NOON
from tests.support.hooked import Desk, a_desk
from tests.support.receivers import receiver_manifest, receiver_secret
from tests.support.slack import FORMER, MANAGERS, SECRET, TOKEN, VERBS, KnownPolicies
from tests.support.slack_knocks import desk_of, form, headers_of, payload, quiet_people, waiting
from webhooks.limits import Deliveries
from webhooks.routes import hooks
from webhooks.slack import SlackHooks

_SPEC: dict[str, Any] = {
    "type": "slack",
    "workspace": TEAM,
    "secretRef": {"name": "slack"},
    "mostPerMinute": 100_000,
    "grants": [{"verbs": [verb.value for verb in VERBS], "who": {"slackGroups": [MANAGERS]}}],
}
_OTHERS: dict[str, dict[str, Any]] = {  # Receivers besides shop/ci, each of which differs from it by one thing
    "quiet": {"suspend": True},
    "narrow": {"mostPerMinute": 1},
    "lost": {"secretRef": {"name": "nowhere"}},
    "foreign": {"secretRef": {"name": "foreign"}},
    "elsewhere": {"workspace": "T0ELSE"},
    "mute": {"grants": [{"verbs": ["pause"]}]},
}


@dataclass(slots=True, kw_only=True)
class SlackDoor:
    """Sends to Receiver shop/ci of Slack. refused: how often, by the reason in the log."""

    desk: Desk
    slack: MemorySlack
    hook: SlackHooks
    rng: random.Random
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def trigger(self) -> str:
        """An id that no request had yet."""
        self.sent += 1
        return f"{self.sent}.1.a"

    async def send(self, body: bytes | None = None, name: str = "ci", at: datetime = NOON, **how: Any) -> Answer:
        """A request with everything right but what is said otherwise; all that follows is over then."""
        body = form(payload(trigger_id=self.trigger())) if body is None else body
        headers = how.pop("headers", None) or headers_of(body, at, how.pop("secret", SECRET))
        path = how.pop("path", None) or self.desk.path(how.pop("route", "slack"), name)
        answer = await self.desk.post(path, how.pop("sent", body), headers, **how)
        await self.hook.idle()
        return answer

    def forget(self) -> None:
        """As a replica that has heard nothing yet."""
        self.hook = replace(self.hook, _deliveries=Deliveries())
        self.desk.doors.handlers = {**self.desk.doors.handlers, "slack": self.hook}

    def told(self) -> str:
        """What somebody was told last, "" for nothing."""
        return self.slack.responses[-1][1].text if self.slack.responses else ""


def _objects() -> Iterator[dict[str, Any]]:
    for name, spec in {"ci": {}, **_OTHERS}.items():
        yield receiver_manifest(name, spec={**_SPEC, **spec})
    yield receiver_manifest("pipeline", spec={**receiver_manifest()["spec"], "secretRef": {"name": "slack"}})
    yield receiver_secret("slack", secret=SECRET.encode(), previous=FORMER.encode(), token=TOKEN.encode())
    yield receiver_secret("foreign", secret=b"somebody-elses", token=TOKEN.encode())


@asynccontextmanager
async def a_slack_door(seed: int) -> AsyncIterator[SlackDoor]:
    """ana is a release manager, bea a member, gus a guest; shop/checkout waits in step 1 of run 1."""
    async with a_desk(*_objects(), status=waiting()) as desk:
        slack = quiet_people()
        served = desk_of(slack, KnownPolicies(), KubeObjects(desk.api), desk.clock)
        hook = SlackHooks(desk=served, secrets=desk.receivers.secrets)
        desk.doors.handlers = {**desk.doors.handlers, "slack": hook}
        desk.doors.read_within = timedelta(milliseconds=5)
        desk.app = hooks(desk.doors)
        yield SlackDoor(desk=desk, slack=slack, hook=hook, rng=random.Random(seed))
        await hook.close()
