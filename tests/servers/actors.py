"""In whose name may a command be given on this API server?"""

from typing import Any

from tests.servers.apiserver import ApiServer
from tests.servers.client import KubeError

COMMANDS = "/apis/rollout.dev/v1alpha1/namespaces/default/rolloutcommands"


def a_command(user: str, *groups: str) -> dict[str, Any]:
    """A RolloutCommand in the name of a user."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "RolloutCommand",
        "metadata": {"name": f"c-{user}-{len(groups)}", "namespace": "default"},
        "spec": {
            "target": {"kind": "Rollout", "name": "shop"},
            "verb": "pause",
            "actor": {"user": user, "groups": list(groups)},
            "channel": "cli",
        },
    }


def is_refused(server: ApiServer, sender: str, command: dict[str, Any]) -> bool:
    """Whether the API server forbids `sender` this command; nothing is stored."""
    try:
        server.client(sender).request("POST", f"{COMMANDS}?dryRun=All", command)
    except KubeError as error:
        if error.status != 403:
            raise
        return True
    return False
