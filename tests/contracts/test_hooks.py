"""Does every implementation of `HookCalls` answer the question that was asked, and never raise?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from adapters.hooks.http import HttpHooks
from adapters.memory.clock import ManualClock
from adapters.memory.hooks import MemoryHooks
from rollout.model.hooks import Hook, HookQuestion, HookType
from rollout.ports.hooks import HookCalls
from tests.support.builders import CHECKOUT, NOON


@dataclass(slots=True)
class Case:
    """Hooks, one of which is called `load`."""

    calls: HookCalls
    url: str
    said: dict[str, int] = field(default_factory=lambda: {"code": 200})
    memory: MemoryHooks | None = None

    def says(self, *, passed: bool) -> None:
        """The hook says yes or no from now on."""
        self.said["code"] = 200 if passed else 403
        if self.memory is not None:
            self.memory.tell("load", passed=passed)

    def question(self, **changes: str) -> HookQuestion:
        """What is asked of it in step 2 of run 3."""
        hook = Hook(name="load", type=HookType.ROLLOUT, url=changes.get("url", self.url), retries=0)
        return HookQuestion(
            key=CHECKOUT,
            hook=hook,
            phase="Progressing",
            checksum="abc",
            run=3,
            step=2,
            metadata=(),
            asked=NOON - timedelta(seconds=1),
        )


@pytest.fixture(params=["memory", "http"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    clock = ManualClock(NOON)
    if request.param == "memory":
        memory = MemoryHooks(clock)
        yield Case(calls=memory, url="http://tester.test/", memory=memory)
        return
    async with AsyncExitStack() as stack:
        said = {"code": 200}

        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=said["code"])

        async def secrets(namespace: str, name: str) -> tuple[str, ...]:
            return ()

        app = web.Application()
        app.router.add_post("/", answer)
        server = await stack.enter_async_context(TestServer(app, host="127.0.0.1"))
        calls = HttpHooks(clock, secrets, jitter=lambda: 0.0)
        stack.push_async_callback(calls.close)
        yield Case(calls=calls, url=str(server.make_url("/")), said=said)


async def test_an_answer_is_bound_to_what_was_asked(case: Case) -> None:
    answer = await case.calls.call(case.question())

    assert (answer.passed, answer.run, answer.step) == (True, 3, 2)
    assert (answer.asked, answer.at) == (NOON - timedelta(seconds=1), NOON)
    assert answer.message.startswith("200")


async def test_a_no_is_an_answer(case: Case) -> None:
    case.says(passed=False)

    answer = await case.calls.call(case.question())

    assert (answer.passed, answer.message[:3]) == (False, "403")


async def test_nobody_there_is_no_error(case: Case) -> None:
    case.says(passed=False)

    answer = await case.calls.call(case.question(url=f"http://127.0.0.1:{unused_port()}/"))

    assert not answer.passed
