"""How does what the API server holds come into force in Envoy?

Level-triggered: whenever anything changed, everything is translated anew and Envoy gets the difference. While an object asks
for what cannot be translated, or Envoy refuses, the last good configuration stays and the reason is told.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rollout.demo.envoy import Proxy, ProxyError, configuration
from rollout.demo.objects import Objects, UntranslatableError
from rollout.demo.translator import Addresses
from rollout.demo.watch import Server, Watched

RETRY_S = 1.0


@asynccontextmanager
async def following(
    server: Server, proxy: Proxy, addresses: Addresses, tell: Callable[[str], None]
) -> AsyncIterator[Watched]:
    """Envoy does what the objects say, until the end of this block.

    addresses: where endpoint addresses listen; the caller may change it and `touch()` what this yields.
    tell: gets each reason, once, for which the objects are not in force.
    """
    watched = Watched(server)
    tasks = asyncio.create_task(watched.run()), asyncio.create_task(_obey(watched, proxy, addresses, tell))
    try:
        yield watched
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _obey(watched: Watched, proxy: Proxy, addresses: Addresses, tell: Callable[[str], None]) -> None:
    told = ""
    async for objects in watched.changes():
        reason = await _obeyed(objects, proxy, addresses)
        if reason and reason != told:
            tell(reason)
        if reason:
            asyncio.get_running_loop().call_later(RETRY_S, watched.touch)
        told = reason


async def _obeyed(objects: Objects, proxy: Proxy, addresses: Addresses) -> str:
    """Empty when the objects are in force, else why not."""
    try:
        await proxy.apply(configuration(objects, addresses))
    except (UntranslatableError, ProxyError) as error:
        return str(error)
    except (KeyError, TypeError, ValueError) as error:
        return f"an object is not as its kind should be: {error!r}"
    return ""
