"""How does a program get a network of its own, where every address of a pod is an address of this machine?

An unprivileged user namespace with its own loopback, on which all of 10.77.0.0/16 is local. Nothing in it meets
anything of the machine, so fixed ports are free; and it ends with everything that was started in it.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.servers.missing import ServerMissingError

INSIDE = "ROLLOUT_TESTS_FLAT_NETWORK"
HOST = "10.77.0.1"
ADDRESSES = f"{HOST}/16"
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child")
HOW_TO_GET = (
    "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or "
    "kernel.apparmor_restrict_unprivileged_userns=0) and install util-linux and iproute2"
)


def is_inside() -> bool:
    """Whether this process has such a network."""
    return os.environ.get(INSIDE) == "1"


def enter(command: Sequence[str]) -> int:
    """The exit code of `command`, run in a new network; raises ServerMissingError where that is forbidden."""
    prepared = f"ip link set lo up && ip addr add {ADDRESSES} dev lo"
    try:
        tried = subprocess.run(
            [*UNSHARE, "sh", "-c", prepared], capture_output=True, text=True, timeout=20, check=False
        )
    except FileNotFoundError as error:
        raise ServerMissingError("user namespaces", HOW_TO_GET) from error
    if tried.returncode != 0:
        raise ServerMissingError("user namespaces", f"{HOW_TO_GET} ({tried.stderr.strip()})")
    whole = [*UNSHARE, "sh", "-c", f'{prepared} && exec "$@"', "sh", *command]
    return subprocess.run(whole, env=os.environ | {INSIDE: "1"}, check=False).returncode


def python(*arguments: str) -> list[str]:
    """The command that runs this Python with `arguments`."""
    return [sys.executable, *arguments]
