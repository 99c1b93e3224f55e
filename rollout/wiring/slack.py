"""How is Slack wired: what its buttons and commands are served by?"""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.kube.objects import KubeObjects
from adapters.notices.slack import plain_blocks
from adapters.people.slack import SLACK, Slack
from rollout.model.names import Key
from rollout.model.receiver import Sender
from rollout.ports.messages import Message
from rollout.ports.policies import Policies
from rollout.ports.receivers import Receivers
from rollout.ports.rollouts import Rollouts
from rollout.services.authorising import Authority
from rollout.services.queries import KIND
from rollout.services.slack_desk import SlackDesk
from rollout.services.slack_markup import escaped
from rollout.services.slack_people import SlackPeople
from rollout.services.slack_texts import card
from rollout.wiring.receiving import Reception
from webhooks.slack import SlackHooks

_LONGEST = 300  # of one piece of news
_WITHIN = timedelta(seconds=10)  # one question with its repetitions; Slack itself was answered before


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackCards:
    """What news of a Rollout look like in Slack: how it stands, with buttons where a Receiver hears of them.

    listens: whether the controller has a port for webhooks at all.
    """

    rollouts: Rollouts
    receivers: Receivers
    authority: Authority
    listens: bool = True

    def blocks_of(self, message: Message) -> list[dict[str, Any]]:
        """Block Kit of a Notifier's message: the card, or the news alone where they are about something else."""
        sentences = [news.sentence for news in message.news]
        return self.blocks(message.kind, message.key, message.last.run, sentences) or plain_blocks(message)

    def blocks(self, kind: str, key: Key, run: int, sentences: Sequence[str]) -> list[dict[str, Any]]:
        """Block Kit; empty for what is no Rollout, or is about another run than the last one: its status is not told any more.

        run: 0 for news of none. sentences: the news themselves.
        """
        stored = self.rollouts.get(key) if kind == KIND else None
        if stored is None or run not in (0, stored.status.runs):
            return []
        said = [escaped(sentence, _LONGEST) for sentence in sentences]
        found = card(key, stored.status, said, has_buttons=self._is_heard(key))
        return [dict(block) for block in found.blocks]

    def _is_heard(self, key: Key) -> bool:
        if not self.listens:
            return False
        known = (self.receivers.get(one) for one in self.receivers.keys())
        found = [one.receiver for one in known if one is not None and one.receiver is not None]
        return any(
            one.sender is Sender.SLACK and not one.suspend and self.authority.reaches(one, KIND, key) for one in found
        )


def slack_hooks(reception: Reception, policies: Policies, stack: AsyncExitStack, *, api: str = SLACK) -> SlackHooks:
    """The handler of the route `slack`. api: Slack's Web API; another one for the demo."""
    slack = Slack(reception.clock, within=_WITHIN, jitter=random.random, api=api)
    desk = SlackDesk(
        people=SlackPeople(directory=slack, policies=policies),
        messages=slack,
        objects=KubeObjects(reception.api),
        voucher=reception.voucher(),
        clock=reception.clock,
    )
    hooks = SlackHooks(desk=desk, secrets=reception.receivers().secrets)
    stack.push_async_callback(slack.close)
    stack.push_async_callback(hooks.close)
    return hooks
