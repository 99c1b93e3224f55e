"""What runs beside everything else, and until when?"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any


def background(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str | None = None) -> None:
    """Let it run from now on, until the stack ends it."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
