"""How does a person or `make e2e` bring up the real Istio data path?

`python -m tests.servers.istio --smoke` measures shares through it; `python -m tests.servers.istio -- COMMAND ...` runs
a command, such as pytest, inside the flat network, where the fixture `mesh` finds what it needs.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers.build import fetch
from tests.servers.flatnet import enter, is_inside, python
from tests.servers.load import count
from tests.servers.mesh import SHOP, Mesh
from tests.servers.missing import ServerMissingError
from tests.servers.process import ServerFailedError, eventually

APP = "checkout"
HOST = f"{APP}.{SHOP}.svc.cluster.local"
WEIGHTS = (0, 10, 50, 100, 0)
REQUESTS = 2000
IN_FORCE_S = 10.0  # 0.1 s when idle


def main() -> int:
    """The exit code of the smoke test or of the command; a missing network is 2, or 0 for a command outside CI."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.istio", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="bring it up, send requests, print shares")
    parser.add_argument("command", nargs="*", help="what to run inside the flat network")
    options = parser.parse_args()
    if not options.smoke and not options.command:
        parser.error("say --smoke or -- COMMAND")
    try:
        if not is_inside():
            fetch("kube", "istio", "crds", "prometheus")  # inside there is no way out
            return enter(python("-m", "tests.servers.istio", "--smoke") if options.smoke else options.command)
        return _smoke()
    except ServerMissingError as missing:
        sys.stderr.write(f"{missing}\n")
        return 2 if options.smoke or os.environ.get("CI") == "true" else 0  # as a skipped test


def in_force(mesh: Mesh, caller: str, kind: str, weight: int) -> bool:
    """Whether the proxy of a caller (gateway or client) gives v2 that weight; kind: subsets or services."""
    shares = {"v1": 100 - weight, "v2": weight}
    if kind == "subsets":
        wanted = {f"outbound|80|{version}|{HOST}": share for version, share in shares.items()}
    else:
        own = {version: f"{APP}-{version}.{SHOP}.svc.cluster.local" for version in shares}
        wanted = {f"outbound|80||{own[version]}": share for version, share in shares.items()}
    return _positive(mesh.weights(caller, HOST)) == _positive(wanted)


def route(kind: str, weight: int) -> dict[str, Any]:
    """The VirtualService that gives v2 its weight, for both callers; kind: subsets or services."""
    shares = {"v1": 100 - weight, "v2": weight}
    entries = [{"destination": _destination(kind, version), "weight": share} for version, share in shares.items()]
    spec = {"hosts": [APP], "gateways": ["mesh", "gateway"], "http": [{"route": entries}]}
    return _object("VirtualService", spec)


def subsets() -> dict[str, Any]:
    """The DestinationRule that names both versions."""
    named = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    return _object("DestinationRule", {"host": APP, "subsets": named})


def _smoke() -> int:
    with tempfile.TemporaryDirectory(prefix="rollout-mesh-", ignore_cleanup_errors=True) as temporary:
        mesh, started = Mesh(Path(temporary)), time.monotonic()
        try:
            mesh.start()
            for version in ("v1", "v2"):
                mesh.deploy(APP, version)
            mesh.kube.apply(subsets())
            _say(f"up after {time.monotonic() - started:.1f} s")
            sound = [_measured(mesh, kind, caller) for kind, caller in _paths()]
            sound.append(_counted(mesh, len(sound) * len(WEIGHTS) * REQUESTS))
        except ServerFailedError as error:
            _say(str(error))
            return 1
        finally:
            mesh.stop()
    return 0 if all(sound) else 1


def _paths() -> Iterator[tuple[str, str]]:
    for caller in ("gateway", "client"):
        for kind in ("subsets", "services"):
            yield kind, caller


def _measured(mesh: Mesh, kind: str, caller: str) -> bool:
    """Whether every weight was seen in the requests, within 4.5 standard deviations."""
    url, sound = mesh.gateway_url if caller == "gateway" else mesh.client_url, True
    for weight in WEIGHTS:
        mesh.kube.apply(route(kind, weight))
        if not eventually(partial(in_force, mesh, caller, kind, weight), IN_FORCE_S):
            raise ServerFailedError(f"{caller}: {mesh.weights(caller, HOST)} after {IN_FORCE_S:g} s, not {weight} %")
        report = count(url, HOST, REQUESTS)
        seen, expected = report.by_version["v2"], REQUESTS * weight / 100
        is_right = abs(seen - expected) <= 4.5 * (expected * (1 - weight / 100)) ** 0.5 and not report.failed
        sound = sound and is_right
        judged = "ok" if is_right else "NOT OK"
        _say(f"{caller:8} {kind:9} {weight:3} %: {seen:4} of {report.total}, failed {report.failed}  {judged}")
    return sound


def _counted(mesh: Mesh, requests: int) -> bool:
    """Whether Prometheus counted every request at both ends, at the server's as mTLS."""
    ends = ('reporter="source"', 'reporter="destination",connection_security_policy="mutual_tls"')
    queries = [f'sum(istio_requests_total{{destination_app="{APP}",{end}}})' for end in ends]
    counted = eventually(lambda: all(mesh.prometheus.value(query) == requests for query in queries), IN_FORCE_S)
    seen = [mesh.prometheus.value(query) for query in queries]
    _say(f"istio_requests_total of {requests} requests: source {seen[0]}, destination {seen[1]}")
    return counted


def _destination(kind: str, version: str) -> dict[str, str]:
    return {"host": APP, "subset": version} if kind == "subsets" else {"host": f"{APP}-{version}"}


def _positive(weights: dict[str, int]) -> dict[str, int]:
    return {name: share for name, share in weights.items() if share}


def _object(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"name": APP, "namespace": SHOP}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
