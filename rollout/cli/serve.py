"""How is the controller run?"""

from datetime import timedelta
from typing import Any, get_args

import click

from rollout.cli.errors import Exit, StoppedError, translated
from rollout.durations import duration_text
from rollout.settings import Settings

_TLS_BUFFER = 64 * 1024  # bytes of each connection; asyncio takes 256 KiB, and each of 25 watches has one open for good


def _options(command: click.Command) -> click.Command:
    """One flag for every setting; what is not given comes from ROLLOUT_* or the default."""
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        shown = f"{field.description} [{'ROLLOUT_' + name.upper()}; default: {_default(field.default)}]"
        if field.annotation is bool:
            command.params.append(click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=shown))
        else:
            command.params.append(click.Option([flag], default=None, help=shown, metavar=_metavar(field.annotation)))
    return command


def _default(value: object) -> str:
    if isinstance(value, timedelta):
        return duration_text(value)
    text = "" if value is None else str(value)
    return text or "none"


def _metavar(annotation: object) -> str:
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    return getattr(kinds[0], "__name__", "text").upper()


@click.command()
def serve(**flags: Any) -> None:
    """Run the controller until SIGTERM or Ctrl-C; ticks in hand are finished and the lease is released."""
    import asyncio

    from pydantic import ValidationError

    try:
        settings = Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise click.UsageError("; ".join(lines)) from error
    with translated():
        try:
            asyncio.run(_serve(settings))
        except OSError as error:
            raise StoppedError(Exit.UNREACHABLE, f"cannot listen or read a file: {error}") from error


_options(serve)


async def _serve(settings: Settings) -> None:
    import asyncio
    import gc
    import signal

    stop = asyncio.Event()  # before the long imports: a pod may be told to end as soon as it began
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    from asyncio.sslproto import SSLProtocol
    from contextlib import AsyncExitStack

    import structlog
    from starlette.types import ASGIApp

    from rollout.logs import set_up
    from rollout.web.listen import served
    from rollout.web.probes import probes
    from rollout.wiring.serving import running

    SSLProtocol.max_size = _TLS_BUFFER
    set_up(settings.log_format, settings.log_level)
    log = structlog.get_logger("rollout.serve")
    async with AsyncExitStack() as stack:
        wired = await stack.enter_async_context(running(settings))
        numbers = probes(wired.is_ready, wired.page, wired.waits)
        faces: list[tuple[ASGIApp, str]] = [(numbers, settings.metrics_listen), (wired.api, settings.api_listen)]
        if wired.hooks is not None:
            faces.append((wired.hooks, settings.webhooks_listen))
        for app, address in faces:
            if address:
                log.info("listening", url=await stack.enter_async_context(served(app, address)))
        gc.freeze()  # what is loaded stays: to look through it for garbage would stop every answer for 0.2 s
        await wired.controller.run(stop)
    log.info("stopped")
