"""How does test set-up read and write objects of a real API server, without any code of the product?"""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Obj = dict[str, Any]

CLUSTER_WIDE = frozenset(
    [
        "Namespace",
        "Node",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "GatewayClass",
        "MeshMigration",
        "PriorityClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    ]
)
PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
    "strategic": "application/strategic-merge-patch+json",
}
ANSWER_S = 20.0


class KubeError(Exception):
    """The API server refused; `status` is the HTTP code, 0 when there was no answer."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{status}: {what}")
        self.status = status


class Kube:
    """A synchronous client with one user's rights."""

    def __init__(self, url: str, ca: Path, token: str) -> None:
        self.url = url
        self._token = token
        self._tls = ssl.create_default_context(cafile=str(ca))

    def get(self, path: str) -> Obj:
        """The object or list at `path`, which may carry a query."""
        return self.request("GET", path)

    def items(self, path: str) -> list[Obj]:
        """The objects of the list at `path`."""
        return list(self.get(path)["items"])

    def exists(self, path: str) -> bool:
        """Whether `path` is there."""
        try:
            self.get(path)
        except KubeError as error:
            if error.status != 404:
                raise
            return False
        return True

    def create(self, obj: Mapping[str, Any]) -> Obj:
        """The object as stored after a POST."""
        return self.request("POST", collection(obj), obj)

    def apply(self, *objects: Mapping[str, Any], manager: str = "tests") -> list[Obj]:
        """The objects as stored after server-side apply, with force, in this order."""
        query = f"?fieldManager={manager}&force=true"
        return [self.request("PATCH", path_of(obj) + query, obj, PATCHES["apply"]) for obj in objects]

    def patch(self, path: str, body: object, kind: str = "merge") -> Obj:
        """The object as stored after a patch; kind: merge, json, apply, strategic."""
        return self.request("PATCH", path, body, PATCHES[kind])

    def delete(self, path: str, body: Mapping[str, Any] | None = None) -> Obj:
        """What the server says to a DELETE."""
        return self.request("DELETE", path, body)

    def request(self, method: str, path: str, body: object = None, content: str = "application/json") -> Obj:
        """The answer's JSON; raises KubeError unless it is a 2xx. body: bytes go as they are."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content, "Accept": "application/json"}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        wanted = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(wanted, timeout=ANSWER_S, context=self._tls) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise KubeError(error.code, f"{method} {path}: {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise KubeError(0, f"{method} {path}: {error}") from error
        return _parsed(text)


def path_of(obj: Mapping[str, Any]) -> str:
    """Where the API server keeps an object."""
    return f"{collection(obj)}/{obj['metadata']['name']}"


def collection(obj: Mapping[str, Any]) -> str:
    """The list that an object belongs to; without a namespace it is in `default`."""
    version, kind = obj["apiVersion"], obj["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = "" if kind in CLUSTER_WIDE else f"/namespaces/{obj['metadata'].get('namespace', 'default')}"
    return f"{root}{place}/{plural(kind)}"


def plural(kind: str) -> str:
    """The resource name of a kind, by the rule that all kinds in these tests follow."""
    lower = kind.lower()
    if lower.endswith("y") and lower[-2] not in "aeiou":
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith(("s", "ch", "x")) else f"{lower}s"


def _parsed(text: bytes) -> Obj:
    if text[:1] != b"{":
        return {"text": text.decode()}  # /readyz and its like
    answer: Obj = json.loads(text)
    return answer
