"""How is somebody outside asked whether a run may go on?"""

from typing import Protocol

from rollout.model.hooks import HookAnswer, HookQuestion


class HookCalls(Protocol):
    """Calls of webhooks."""

    async def call(self, question: HookQuestion) -> HookAnswer:
        """What came of it: whether the hook passed, and one line for people. Never raises: no answer is a failed call.

        Takes no longer than the hook's retries and time-outs allow.
        """
