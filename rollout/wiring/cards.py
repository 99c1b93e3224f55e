"""How is wired what news look like in Slack?

Apart from `rollout.wiring.slack`, whose client of Slack's Web API only those need who hear of Slack.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.notices.slack import plain_blocks
from rollout.model.names import Key
from rollout.model.receiver import Sender
from rollout.ports.messages import Message
from rollout.ports.receivers import Receivers
from rollout.ports.rollouts import Rollouts
from rollout.services.authorising import Authority
from rollout.services.queries import KIND
from rollout.services.slack_markup import escaped
from rollout.services.slack_texts import card

_LONGEST = 300  # of one piece of news


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
