"""In whose name may a command be given on this API server?"""

from typing import Any

from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, KubeError

COMMANDS = "/apis/rollout.dev/v1alpha1/namespaces/default/rolloutcommands"


def a_command(
    user: str, *groups: str, verb: str = "pause", channel: str = "cli", kind: str = "Rollout"
) -> dict[str, Any]:
    """A RolloutCommand in the name of a user."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "RolloutCommand",
        "metadata": {"generateName": "c-", "namespace": "default"},
        "spec": {
            "target": {"kind": kind, "name": "shop"},
            "verb": verb,
            "actor": {"user": user, "groups": list(groups)},
            "channel": channel,
            "reason": "because",
        }
        | ({"backend": "shop-v1"} if verb == "name-stable" else {})
        | ({"finding": "PA-01"} if verb == "acknowledge" else {}),
    }


def refusal(sender: Kube, command: dict[str, Any]) -> str:
    """Why the API server forbids `sender` this command, "" when it does not; nothing is stored."""
    try:
        sender.request("POST", f"{COMMANDS}?dryRun=All", command)
    except KubeError as error:
        if error.status != 403:
            raise
        return str(error)
    return ""


def is_refused(server: ApiServer, sender: str, command: dict[str, Any]) -> bool:
    """Whether the API server forbids the user `sender` this command; nothing is stored."""
    return bool(refusal(server.client(sender), command))


def account(server: ApiServer, namespace: str, name: str) -> Kube:
    """A client with a token of a service account, which must exist."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    return Kube(server.url, server.ca, server.client().request("POST", path, body)["status"]["token"])
