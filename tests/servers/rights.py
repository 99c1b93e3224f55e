"""What did the controller ask an API server for, by the server's own audit log, and which rights does that need?"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rollout.wiring.shipped import CONTROLLER, NAMESPACE, Choices, controller_objects, rights_in
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{CONTROLLER}"
Right = tuple[
    str, str, str
]  # verb, group, resource; `leases:NAME` for one object, `leases@NAMESPACE` for one namespace


@dataclass(frozen=True, slots=True, order=True)
class Request:
    """One kind of request. resource: with its subresource."""

    verb: str
    group: str
    resource: str
    name: str = ""
    namespace: str = ""

    @property
    def rights(self) -> frozenset[Right]:
        """Each of these allows it."""
        forms = [self.resource]
        forms += [f"{self.resource}:{self.name}"] if self.name else []
        forms += [f"{self.resource}@{self.namespace}"] if self.namespace else []
        return frozenset((self.verb, self.group, form) for form in forms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was asked, and which requests lacked a right."""

    requests: frozenset[Request]
    refused: tuple[str, ...]

    def refused_without(self, rights: Iterable[Right]) -> list[Request]:
        """Requests that nothing in `rights` allows."""
        given = set(rights)
        return sorted(request for request in self.requests if not request.rights & given)

    def needed(self, granted: set[Right]) -> set[Right]:
        """The smallest set of rights that allows all of it; as narrow as `granted` has it, plain where it has none."""
        return {next(iter(one.rights & granted), (one.verb, one.group, one.resource)) for one in self.requests}


def granted() -> list[Right]:
    """Every right that `rollout install` gives the controller, but for moves into a mesh."""
    return sorted(_rights(is_for_moves=False))


def granted_for_moves() -> list[Right]:
    """Every right that it gives the controller for moves into a mesh."""
    return sorted(_rights(is_for_moves=True))


def _rights(*, is_for_moves: bool) -> set[Right]:
    roles = [obj for obj in controller_objects(Choices()) if obj["kind"] in ("Role", "ClusterRole")]
    named = [(obj["metadata"]["name"], obj) for obj in roles if obj["metadata"]["name"].startswith(CONTROLLER)]
    chosen = [obj for name, obj in named if (name == f"{CONTROLLER}-mesh") is is_for_moves]
    if not is_for_moves:
        return {right for obj in chosen for right in rights_in(obj)}
    return {(*right[:2], right[2] + _place(obj)) for obj in chosen for right in rights_in(obj)}


def _place(role: dict[str, Any]) -> str:
    return f"@{role['metadata']['namespace']}" if role["kind"] == "Role" else ""


def recorded(server: ApiServer, since: int) -> Recorded:
    """What the controller's account asked since a mark."""
    with server.audit_log.open("rb") as log:
        log.seek(since)
        events = [json.loads(line) for line in log.read().splitlines()]
    own = [event for event in events if event["user"]["username"] == ACCOUNT and "objectRef" in event]
    return Recorded(
        requests=frozenset(request for event in own for request in _requests(event)),
        refused=tuple(f"{event['verb']} {event['requestURI']}" for event in own if _lacks_a_right(event)),
    )


def account_config(server: ApiServer, directory: Path) -> Path:
    """A kubeconfig file with a token of the controller's service account."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{CONTROLLER}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = server.client().request("POST", path, body)["status"]["token"]
    config = yaml.safe_load(server.kubeconfig().read_text())
    config["users"][0]["user"] = {"token": token}
    written = directory / "account.kubeconfig"
    written.write_text(yaml.safe_dump(config))
    return written


def may(kube: Kube, request: Request, namespace: str) -> bool:
    """Whether the server's own authorizer lets the controller's account do this (SubjectAccessReview)."""
    plural, _, subresource = request.resource.partition("/")
    asked = {"verb": request.verb, "group": request.group, "resource": plural, "subresource": subresource}
    asked |= {"name": request.name, "namespace": namespace}
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": ACCOUNT, "groups": groups, "resourceAttributes": asked},
    }
    return bool(kube.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)["status"]["allowed"])


def _requests(event: dict[str, Any]) -> list[Request]:
    reference = event["objectRef"]
    parts = (reference.get("resource", ""), reference.get("subresource", ""))
    resource, group = "/".join(part for part in parts if part), reference.get("apiGroup", "")
    place = reference.get("namespace", "")
    request = Request(event["verb"], group, resource, reference.get("name", ""), place)
    if event["verb"] == "patch" and _code(event) == 201:  # server-side apply of a new object asks for create, too
        return [request, Request("create", group, resource, namespace=place)]
    if (event["verb"], resource) == ("create", "rolloutcommands"):  # the admission policy asks for vouch, too
        return [request, Request("vouch", group, resource, namespace=place)]
    return [request]


def _lacks_a_right(event: dict[str, Any]) -> bool:
    """Whether a right was missing; in a namespace that another test has just deleted nobody may create anything."""
    words = (event.get("responseStatus") or {}).get("message", "")
    return _code(event) in (401, 403) and "is being terminated" not in words


def _code(event: dict[str, Any]) -> int:
    return int((event.get("responseStatus") or {}).get("code", 0))
