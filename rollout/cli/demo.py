"""How do the demos go: two releases on real HTTP traffic, and a fleet that moves into a mesh, without a cluster?"""

import asyncio
import signal
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rollout.cli.stage import Stage


KEEP = "Leave it running, with a kubeconfig for a second terminal, until Ctrl-C."


@click.group(invoke_without_command=True)
@click.option(
    "--bad", type=click.FloatRange(0, 100), default=20.0, show_default=True, help="Percent of v3's requests that fail."
)
@click.option("--rate", type=click.IntRange(20, 1000), default=150, show_default=True, help="Requests per second.")
@click.option("--keep", is_flag=True, help=KEEP)
@click.pass_context
def demo(context: click.Context, bad: float, rate: int, keep: bool) -> None:
    """Release v2, which is good, and v3, which fails --bad percent of its requests, and watch what happens.

    A real Envoy, real HTTP upstreams, a real git repository and a real load; the cluster is the embedded one. Nothing
    is scripted to succeed: --bad 0 promotes v3. `rollout demo mesh` moves a fleet into a mesh instead.
    """
    if context.invoked_subcommand is not None:
        return
    from rollout.cli.stage import MissingPartError, Scene, stage

    click.echo("A shop with one service, checkout. The controller reads its specs from a git repository.")

    async def play() -> None:
        async with stage(Scene(rate=rate)) as on:
            await _play(on, bad=bad, keep=keep)

    try:
        _run(play())
    except MissingPartError as error:
        raise click.ClickException(str(error)) from error


@demo.command()
@click.option("--keep", is_flag=True, help=KEEP)
def mesh(keep: bool) -> None:
    """Move three namespaces into a mesh and to STRICT, and watch who is found and what falls back; about a minute.

    The real controller on the embedded cluster, with pods, callers and proxies' counters in memory. The exit code is 1
    when the story does not come to its end: a hidden plaintext caller is found, STRICT is reached, a late caller makes
    one namespace fall back.
    """
    from rollout.cli.telling import UnfinishedError

    click.echo("Three namespaces: tools calls shop, shop calls pay. Somebody else calls shop, and nobody knows of it.")
    try:
        _run(_play_mesh(keep=keep))
    except UnfinishedError as error:
        raise click.ClickException(str(error)) from error


@demo.command()
@click.option("--press", is_flag=True, help="Press the two buttons here: ana's in Slack, bo's in the dashboard.")
@click.option("--open", "opens", is_flag=True, help="Open both pages in the browser.")
def people(press: bool, opens: bool) -> None:
    """Let a release wait for two people, one in Slack and one in the dashboard, and press the buttons yourself.

    The release and its traffic are those of `rollout demo`; Slack and the issuer that says who signs in are pages on this
    machine. It goes on until Ctrl-C; with --press it ends by itself, in under a minute, and the exit code is 1 when the
    buttons did not bring the revision to all users.
    """
    from rollout.cli.stage import MissingPartError
    from rollout.cli.telling import UnfinishedError

    click.echo("A shop with one service, checkout. At 10 % its release waits for two of release-managers: ana and bo.")
    try:
        _run(_play_people(press=press, opens=opens))
    except (MissingPartError, UnfinishedError) as error:
        raise click.ClickException(str(error)) from error


def _run(playing: Coroutine[None, None, None]) -> None:
    """To its end, or until Ctrl-C or SIGTERM."""

    async def whole() -> None:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await playing

    try:
        asyncio.run(whole())
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped")


async def _play_mesh(*, keep: bool) -> None:
    from rollout.cli.fleet_story import NAMES_WIDTH, Story, event, summary
    from rollout.cli.telling import Teller
    from rollout.logs import LogFormat, set_up
    from rollout.wiring.embedded_fleet import embedded_fleet

    set_up(LogFormat.AUTO, "error")
    teller = Teller(NAMES_WIDTH)
    with TemporaryDirectory(prefix="rollout-demo-") as directory:
        kubeconfig = Path(directory) / "kubeconfig"
        async with embedded_fleet(kubeconfig, partial(event, teller)) as fleet:
            if keep:
                _second_terminal(kubeconfig)
            click.echo(f"\n{summary(await Story(fleet, teller).play())}")
            if keep:
                await _until_stopped()


async def _play_people(*, press: bool, opens: bool) -> None:
    from rollout.cli.people_hands import PAGE, Browser
    from rollout.cli.people_stage import people_stage
    from rollout.cli.people_story import Story, summary

    async with people_stage() as at:
        click.echo(f"\nSlack      {at.slack_url}/  you are ana there: press Approve")
        click.echo(f"Dashboard  {at.dashboard_url}{PAGE}  sign in as bo, and press Approve")
        click.echo(
            "Try what you like: ana a second time from the dashboard, cy, who is no approver, Reject, Abort, Why."
        )
        _second_terminal(at.on.kubeconfig)
        if opens:
            for url in (f"{at.slack_url}/", f"{at.dashboard_url}{PAGE}"):
                click.launch(url)
        hands = Browser(slack_url=at.slack_url, dashboard_url=at.dashboard_url) if press else None
        click.echo("")
        story = Story(shop=at.on, workspace=at.workspace, hands=hands)
        click.echo(f"\n{summary(await story.play())}")
        if not press:
            await _until_stopped()


async def _play(on: "Stage", *, bad: float, keep: bool) -> None:
    from rollout.demo.fixed_rule import sentence

    if keep:
        _second_terminal(on.kubeconfig)
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
        await _until_stopped()


def _second_terminal(kubeconfig: Path) -> None:
    click.echo(f"In a second terminal:  export KUBECONFIG={kubeconfig}; rollout -h; rollout list -A")


async def _until_stopped() -> None:
    click.echo("Running until Ctrl-C.")
    await asyncio.Event().wait()
