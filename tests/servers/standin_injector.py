"""Who puts a proxy into the Pods of an enrolled namespace, where the tests have no istiod in the cluster?

A webhook that the real API server calls for every new Pod, as it calls Istio's. What Istio's injector changes besides (init
containers, volumes, probes) is not needed where nothing is intercepted: see `agents.py` for what then runs.
"""

import base64
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.servers import pods
from tests.servers.agents import PROXY
from tests.servers.apiserver import ApiServer
from tests.servers.client import path_of
from tests.servers.flatnet import HOST

BEHIND = "9001"  # where the server of a Pod with a proxy listens; the proxy has taken its old port
LABEL = {"security.istio.io/tlsMode": "istio"}  # without it callers send plaintext
CONTAINER = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.31.0"}


class Injector:
    """Serves with the API server's own certificate, which is good for HOST."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._http = ThreadingHTTPServer((HOST, 0), _Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(server.ca, server.ca.with_suffix(".key"))
        self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)

    def start(self) -> None:
        """From now on the API server asks it."""
        Thread(target=self._http.serve_forever, name="injector", daemon=True).start()
        self._server.client().apply(self._configuration())

    def stop(self) -> None:
        """From now on nobody asks it, and it ends."""
        self._server.client().delete(path_of(self._configuration()))
        self._http.shutdown()
        self._http.server_close()

    def _configuration(self) -> dict[str, Any]:
        """As Istio's chart writes it for a control plane outside of the cluster."""
        url = f"https://{HOST}:{self._http.server_address[1]}/inject"
        enabled = {"key": "istio-injection", "operator": "In", "values": ["enabled"]}
        opted_out = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "istio-sidecar-injector", "labels": {"istio.io/rev": "default"}},
            "webhooks": [
                {
                    "name": "namespace.sidecar-injector.istio.io",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "clientConfig": {
                        "url": url,
                        "caBundle": base64.b64encode(self._server.ca.read_bytes()).decode(),
                    },
                    "rules": [
                        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                    ],
                    "namespaceSelector": {"matchExpressions": [enabled]},
                    "objectSelector": {"matchExpressions": [opted_out]},
                }
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer an AdmissionReview."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        changes = base64.b64encode(json.dumps(_changes(review["request"]["object"])).encode()).decode()
        answer = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch", "patch": changes}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object, **_named: object) -> None:
        """Nothing: a refused Pod says why in its ReplicaSet's events."""


def _changes(pod: pods.Pod) -> list[dict[str, Any]]:
    """A JSON patch."""
    marks = pods.annotations(pod) | {PROXY: "sidecar", pods.PORT: BEHIND}
    return [
        {"op": "add", "path": "/metadata/labels", "value": pods.labels(pod) | LABEL},
        {"op": "add", "path": "/metadata/annotations", "value": marks},
        {"op": "add", "path": "/spec/containers/-", "value": CONTAINER},
    ]
