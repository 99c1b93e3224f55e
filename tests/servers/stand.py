"""How does a person try the main scenario by hand, on the real servers of the tests?

`python -m tests.servers.stand` brings up kube-apiserver, kube-controller-manager, a kubelet, Prometheus, Envoy, git over
HTTP and the controller, writes what a second terminal needs into a file, and runs until Ctrl-C.
"""

import argparse
import shlex
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import yaml

from tests.servers.apiserver import ApiServer
from tests.servers.cluster import Cluster, deployment, service
from tests.servers.controllers import Controllers
from tests.servers.kubelet import Kubelet
from tests.servers.prometheus import Prometheus
from tests.servers.shop import LOGIN, Place, Shop, opened, operated

OUR_CRDS = Path(__file__).parents[2] / "deploy" / "crds"
ERROR_PERCENT = {"v2": 0, "v3": 5, "v4": 0}


def main() -> None:
    """Run the stand and print how to use it."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.stand", description=__doc__)
    parser.add_argument(
        "--env", type=Path, default=Path("/tmp/rollout-stand.env"), help="file to source (default: %(default)s)"
    )
    env: Path = parser.parse_args().env
    ending = Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ending.set())
    with (
        TemporaryDirectory(prefix="rollout-stand-") as directory,
        placed(Path(directory)) as place,
        opened(place) as shop,
    ):
        with operated(shop, allow_file_urls="yes"):
            write_env(env, shop, Path(directory))
            print(f"In a second terminal:  source {env}", flush=True)
            ending.wait()
        env.unlink(missing_ok=True)


@contextmanager
def placed(directory: Path) -> Iterator[Place]:
    """The servers of one stand; all of them end with the context."""
    with ExitStack() as closing:
        for name in ("kube", "prometheus", "shop"):
            (directory / name).mkdir()
        server = ApiServer(directory / "kube")
        closing.callback(server.stop)
        server.start()
        server.install_crds()
        server.install_files(sorted(OUR_CRDS.glob("*.yaml")))
        controllers, kubelet = Controllers(server), Kubelet(server)
        closing.callback(controllers.stop)
        controllers.start()
        closing.callback(kubelet.stop)
        kubelet.start()
        prometheus = Prometheus(directory / "prometheus")
        closing.callback(prometheus.stop)
        prometheus.start()
        cluster = Cluster(server=server, controllers=controllers, kubelet=kubelet)
        yield Place(cluster=cluster, prometheus=prometheus, directory=directory / "shop")


def write_env(env: Path, shop: Shop, directory: Path) -> None:
    """Manifests of v2, v3 (5 % errors) and v4, a clone of the specs, and the variables that name them."""
    for revision, percent in ERROR_PERCENT.items():
        settings = {"ERROR_PERCENT": str(percent)} if percent else {}
        objects = [
            deployment(shop.namespace, f"checkout-{revision}", revision, **settings),
            service(shop.namespace, f"checkout-{revision}", {"app": "checkout", "version": revision}),
        ]
        (directory / f"{revision}.yaml").write_text(yaml.safe_dump_all(objects))
    user = f"{LOGIN.user}:{LOGIN.password.replace(' ', '%20')}"
    variables = {
        "KUBECONFIG": str(shop.cluster.kubeconfig("admin", shop.namespace)),
        "MANIFESTS": str(directory),
        "SPECS": shop.repository.url.replace("://", f"://{user}@"),
        "SHOP_URL": shop.envoy.url,
        "SHOP_HOST": shop.host,
    }
    env.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
