"""How does the demo go: a good and a bad release on real HTTP traffic, without a cluster?"""

import asyncio
import signal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rollout.cli.stage import Stage


@click.command()
@click.option(
    "--bad", type=click.FloatRange(0, 100), default=20.0, show_default=True, help="Percent of v3's requests that fail."
)
@click.option("--rate", type=click.IntRange(20, 1000), default=150, show_default=True, help="Requests per second.")
@click.option("--keep", is_flag=True, help="Leave it running, with a kubeconfig for a second terminal, until Ctrl-C.")
def demo(bad: float, rate: int, keep: bool) -> None:
    """Release v2, which is good, and v3, which fails --bad percent of its requests, and watch what happens.

    A real Envoy, real HTTP upstreams, a real git repository and a real load; the cluster is the embedded one. Nothing
    is scripted to succeed: --bad 0 promotes v3.
    """
    from rollout.cli.stage import MissingPartError, stage

    click.echo("A shop with one service, checkout. The controller reads its specs from a git repository.")

    async def play() -> None:
        playing = asyncio.current_task()
        if playing is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
        async with stage(rate) as on:
            await _play(on, bad=bad, keep=keep)

    try:
        asyncio.run(play())
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped")
    except MissingPartError as error:
        raise click.ClickException(str(error)) from error


async def _play(on: "Stage", *, bad: float, keep: bool) -> None:
    from rollout.demo.fixed_rule import sentence

    if keep:
        click.echo(f"In a second terminal:  export KUBECONFIG={on.kubeconfig}; rollout -h; rollout list -A")
    click.echo("\nA good revision: v2 is deployed, and a commit names it.")
    await on.release("v2", failing=0)
    good = await on.until("v2")
    click.echo(f"\nA {'bad' if bad else 'second good'} revision: v3 fails {bad:g} % of its requests.")
    await on.release("v3", failing=bad)
    second = await on.until("v3")
    click.echo("")
    await on.explain()
    total = on.seen
    reached = await on.world.requests_by_version()
    click.echo(
        f"\nSummary: {total.sent} requests, {total.failed} failed, {total.resets} connections reset; "
        f"upstreams counted {', '.join(f'{name} {count}' for name, count in sorted(reached.items()))}. "
        f"v2: {good.outcome} after {good.seconds:.0f} s. v3: {second.outcome} after {second.seconds:.0f} s, "
        f"{second.failed} requests failed meanwhile."
    )
    if second.outcome == "rolled back":
        click.echo(sentence(second.counted, second.counted.failures))
    if keep:
        click.echo("Running until Ctrl-C.")
        await asyncio.Event().wait()
