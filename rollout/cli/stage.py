"""On what stage does the demo play: embedded cluster, controller, Envoy, upstreams, load and git, wired together?"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import click

from rollout.cli.shop import FIRST_WEIGHT, HOST, NAMESPACE, SPEC, Repository, git_source, revision, routing
from rollout.demo.envoy import Proxy, ProxyError, running_envoy
from rollout.demo.fixed_rule import Counted
from rollout.demo.load import Load, Tally, running_load
from rollout.demo.mesh import following
from rollout.demo.metrics import Scraper
from rollout.demo.prometheus import serving
from rollout.demo.watch import Server
from rollout.demo.world import World, running_world
from rollout.logs import LogFormat, set_up
from rollout.settings import Mesh, Settings
from rollout.wiring.embedded import Embedded, embedded
from rollout.wiring.serving import Running, running

PODS = 2
HISTORY_S = 3.0  # of stable before the first release; the longer it is, the more is asked of a good revision
PATIENCE_S = 240.0  # one release takes about 70 s
BEAT_S = 4.0  # a line at least so often
OURS = f"/apis/rollout.dev/v1alpha1/namespaces/{NAMESPACE}"


class MissingPartError(Exception):
    """Something that the demo needs is not on this machine; the message says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a demo is about. rate: requests per second; spec: the Rollout; settings: of the controller, besides its own.

    start: what runs a controller of these settings.
    """

    rate: int
    spec: str = SPEC
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: Callable[[Settings], AbstractAsyncContextManager[Running]] = running


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one release went. seconds: from the commit; failed: requests that failed meanwhile; counted: by its own pods."""

    outcome: str
    seconds: float
    failed: int
    counted: Counted


@dataclass(slots=True)
class Stage:
    """The running parts, and what the audience is shown."""

    cluster: Embedded
    world: World
    repository: Repository
    kubeconfig: Path
    addresses: dict[str, tuple[str, int]]
    watching: aiohttp.ClientSession
    wired: Running
    seen: Tally = field(default_factory=Tally)
    shares: dict[str, float] = field(default_factory=dict)  # percent of the last second's requests, by revision
    _released: float = 0.0
    _seconds: int = 0
    _failed_before: int = 0

    async def release(self, name: str, *, failing: float) -> None:
        """Deploy a revision and commit the spec that names it."""
        await self.deploy(name, failing=failing)
        commit = self.repository.release(name)
        if name == "v1":
            self.cluster.seed(*routing(), git_source(self.repository.url))
        self._released = time.monotonic()
        self._failed_before = self.seen.failed
        click.echo(f"git commit {commit}: spec.revision: {name}")

    async def deploy(self, name: str, *, failing: float) -> None:
        """Run a revision, of which git knows nothing yet."""
        ips = []
        for number in range(PODS):
            pod = await self.world.start_pod(f"checkout-{name}-{number}", name, failing=failing, latency_ms=2)
            ip = f"10.0.{name[1:]}.{number + 1}"
            self.addresses[ip] = (pod.host, pod.port)
            ips.append(ip)
        self.cluster.seed(*revision(name, ips))

    async def until(self, name: str) -> Ending:
        """Show what happens until the revision serves all users or has failed."""
        deadline = time.monotonic() + PATIENCE_S
        shown: tuple[Any, ...] = ()
        again = 0.0
        while time.monotonic() < deadline:
            status = await self.status()
            now = (status.get("phase"), status.get("step"), status.get("weight"), len(status.get("history", ())))
            if status and (now != shown or time.monotonic() > again):
                shown, again = now, time.monotonic() + BEAT_S
                self._show(name, status)
            if status.get("phase") == "Idle" and status.get("stableRevision") == name:
                return await self._ending(name, "promoted" if name != "v1" else "serving")
            if status.get("phase") == "Failed":
                return await self._ending(name, "rolled back")
            await asyncio.sleep(0.25)
        raise click.ClickException(f"{name} neither serves nor failed after {PATIENCE_S:.0f} s: {await self.status()}")

    async def status(self) -> dict[str, Any]:
        """What the controller wrote about the Rollout; {} before it did."""
        return (await self.read("rollouts/checkout")).get("status") or {}

    async def read(self, path: str) -> dict[str, Any]:
        """An object, or a list, of ours in the shop's namespace; {} where there is none."""
        async with self.watching.get(f"{OURS}/{path}") as answer:
            if answer.status != 200:
                return {}
            found: dict[str, Any] = await answer.json()
            return found

    async def explain(self) -> None:
        """What `rollout why` says."""
        click.echo("$ rollout why checkout -n shop")
        program = await asyncio.create_subprocess_exec(
            *_python(),
            "why",
            "checkout",
            "-n",
            NAMESPACE,
            "--kubeconfig",
            str(self.kubeconfig),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await program.communicate()
        click.echo(said.decode().rstrip())

    async def count(self, load: Load) -> None:
        """Add up what the load reports, second by second."""
        async for second in load.seconds():
            self.seen, self._seconds = self.seen + second, self._seconds + 1

    async def measure(self) -> None:
        """See which upstreams got the requests: what they count themselves, every second."""
        before: dict[str, int] = {}
        while True:
            counted = dict(await self.world.requests_by_version())
            fresh = {name: count - before.get(name, 0) for name, count in counted.items()}
            total = sum(fresh.values())
            self.shares = {name: 100 * count / total for name, count in fresh.items()} if total else {}
            before = counted
            await asyncio.sleep(1)

    def _show(self, name: str, status: dict[str, Any]) -> None:
        since = time.monotonic() - self._released
        measured = self.shares.get(name, 0.0)
        plan = status.get("steps") or 0
        step = f"step {min(status['step'], plan)}/{plan}" if status.get("step") else ""
        wanted = f"{name} wanted {status.get('weight', 0):>3} %, measured {measured:>5.1f} %" if name != "v1" else ""
        why = (status.get("reasons") or [{}])[0].get("message") or status.get("next", "")
        click.echo(
            f"{since:5.1f} s  {status['phase']:<11} {step:<8} {wanted}  failed {self.seen.failed - self._failed_before:>3}  {why}"
        )

    async def _ending(self, name: str, outcome: str) -> Ending:
        seconds = time.monotonic() - self._released
        pods = [pod for pod in await self.world.pods() if pod.version == name]
        counted = Counted(
            requests=sum(pod.requests for pod in pods),
            failures=sum(pod.failures for pod in pods),
            per_second=self.seen.sent / max(1, self._seconds) * FIRST_WEIGHT / 100,
            seconds=seconds,
        )
        return Ending(outcome=outcome, seconds=seconds, failed=self.seen.failed - self._failed_before, counted=counted)


@asynccontextmanager
async def stage(scene: Scene) -> AsyncIterator[Stage]:
    """Everything running; all of it ends with the context, also after Ctrl-C."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="rollout-demo-")))
        kubeconfig = directory / "kubeconfig"
        cluster = await stack.enter_async_context(embedded(kubeconfig))
        world = await stack.enter_async_context(running_world(seed=1))
        proxy = await _envoy(stack)
        addresses: dict[str, tuple[str, int]] = {}
        await stack.enter_async_context(following(Server(url=cluster.url), proxy, addresses, lambda _words: None))
        scraper = Scraper(proxy.metrics_url, {"job": "envoy", "instance": "gateway"})
        _background(stack, scraper.run())
        prometheus = await stack.enter_async_context(serving(scraper.history))
        wired = await _controller(stack, scene, kubeconfig, prometheus)
        watching = await stack.enter_async_context(aiohttp.ClientSession(cluster.url))
        repository = Repository(directory / "specs", scene.spec)
        on = Stage(cluster, world, repository, kubeconfig, addresses, watching, wired)
        await on.release("v1", failing=0)
        await on.until("v1")
        # Callers come once somebody serves.
        load = await stack.enter_async_context(running_load(proxy.url, HOST, rate=scene.rate))
        _background(stack, on.count(load))
        _background(stack, on.measure())
        await asyncio.sleep(HISTORY_S)
        yield on


async def _envoy(stack: AsyncExitStack) -> Proxy:
    try:
        return await stack.enter_async_context(running_envoy())
    except ProxyError as error:
        raise MissingPartError(str(error)) from error


async def _controller(stack: AsyncExitStack, scene: Scene, kubeconfig: Path, prometheus: str) -> Running:
    """The controller as `rollout serve` runs it, but for its HTTP faces."""
    set_up(LogFormat.AUTO, "error")
    settings = Settings(
        kubeconfig=kubeconfig,
        prometheus_url=prometheus,
        prometheus_mesh=Mesh.ENVOY,
        allow_file_urls=True,
        **scene.settings,
    )
    wired = await stack.enter_async_context(scene.start(settings))
    stop = asyncio.Event()
    working = asyncio.create_task(wired.controller.run(stop))

    async def end() -> None:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)

    stack.push_async_callback(end)
    return wired


def _background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def _python() -> tuple[str, ...]:
    return (sys.executable, "-m", "rollout.cli")
