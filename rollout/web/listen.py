"""How is an app served in the controller's own event loop?"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import uvicorn
from starlette.types import ASGIApp

from rollout.listening import Server, listener
from rollout.web.patience import PATIENCE, impatient


@contextlib.asynccontextmanager
async def served(app: ASGIApp, address: str, *, patience: timedelta = PATIENCE) -> AsyncIterator[str]:
    """Serve `app` at `host:port` (port 0 takes a free one); yields the URL. OSError when the address is taken.

    patience: how long a request may take to arrive whole; what its answer takes is the app's to say.
    """
    host, _, port = address.rpartition(":")
    heard = listener(host, int(port))
    server = Server(
        uvicorn.Config(
            app,
            http=impatient(patience),
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=2,
            proxy_headers=False,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[heard]))
    try:
        yield f"http://{host}:{heard.getsockname()[1]}"
    finally:
        server.end()
        await serving
        heard.close()
