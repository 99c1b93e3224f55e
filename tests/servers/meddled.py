"""How does a controller come to reach its API server only by way of a meddler?"""

import json
from pathlib import Path

import yaml

from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj
from tests.servers.meddler import Meddler


def meddled(server: ApiServer, user: str, namespace: str, kubeconfig: Path) -> Meddler:
    """A meddler before the API server. kubeconfig: the file that becomes the user's, and leads through it."""
    api = Meddler(server.url, (server.ca, server.ca.with_suffix(".key")))
    config: Obj = yaml.safe_load(server.kubeconfig(user, namespace).read_text())
    config["clusters"][0]["cluster"]["server"] = api.url
    kubeconfig.write_text(json.dumps(config))  # JSON is YAML
    kubeconfig.chmod(0o600)
    return api
