"""Which policies do the steps of a Rollout need, and how does a test put them into its cluster?"""

from collections.abc import Awaitable, Callable
from typing import Any

from adapters.kube.api import Obj
from tests.support.builders import an_approval_manifest

IsGone = Callable[[str, str], Awaitable[bool]]
Put = Callable[[Obj], Awaitable[None]]


def policies_of(spec: dict[str, Any]) -> set[str]:
    """Names of the policies that the steps of a Rollout's spec name."""
    steps = spec.get("steps") or ()
    return {name for step in steps for name in (step.get("approval"), *step.get("approvals", ())) if name}


async def put_policies(spec: dict[str, Any], is_gone: IsGone, put: Put) -> None:
    """An ApprovalPolicy for each name that a step of this spec names and that has none yet."""
    for name in sorted(policies_of(spec)):
        if await is_gone("ApprovalPolicy", name):
            await put(an_approval_manifest(name))
