"""How is Slack wired: what its buttons and commands are served by?"""

import random
from contextlib import AsyncExitStack
from datetime import timedelta

from adapters.kube.objects import KubeObjects
from adapters.people.places import SLACK
from adapters.people.slack import Slack
from rollout.ports.policies import Policies
from rollout.services.slack_desk import SlackDesk
from rollout.services.slack_people import SlackPeople
from rollout.wiring.receiving import Reception
from webhooks.slack import SlackHooks

_LONGEST = 300  # of one piece of news
_WITHIN = timedelta(seconds=10)  # one question with its repetitions; Slack itself was answered before


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
