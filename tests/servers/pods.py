"""What does a Pod of the tests ask of its kubelet, and what does its status say then?

Settings are env entries of the first container, or annotations, which can be changed while the pod runs and win.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.servers.upstreams import Behaviour

Pod = Mapping[str, Any]

PREFIX = "test.rollout/"
ERROR_PERCENT, ERROR_SEED, LATENCY_MS = "ERROR_PERCENT", "ERROR_SEED", "LATENCY_MS"
READY = PREFIX + "ready"  # "false" keeps the pod from being Ready
PORT = PREFIX + "port"  # where its server listens; any free port without it
OWN_ADDRESS = PREFIX + "own-address"  # "true": it listens on podIP, which must be local (flatnet.py), else on 127.0.0.1
WAITING = PREFIX + "waiting"  # e.g. ImagePullBackOff: its containers never start


def behaviour(pod: Pod) -> Behaviour:
    """How the pod's server answers."""
    seed = _setting(pod, ERROR_SEED)
    return Behaviour(
        version=labels(pod).get("version", ""),
        error_percent=float(_setting(pod, ERROR_PERCENT) or 0),
        seed=int(seed) if seed else None,
        latency_s=float(_setting(pod, LATENCY_MS) or 0) / 1000,
    )


def labels(pod: Pod) -> dict[str, str]:
    """metadata.labels."""
    return dict(pod["metadata"].get("labels") or {})


def annotations(pod: Pod) -> dict[str, str]:
    """metadata.annotations."""
    return dict(pod["metadata"].get("annotations") or {})


def port(pod: Pod) -> int:
    """Where its server listens; 0 leaves the choice to the machine."""
    return int(annotations(pod).get(PORT, "0"))


def host(pod: Pod, address: str) -> str:
    """The address on which its server listens."""
    return address if annotations(pod).get(OWN_ADDRESS) == "true" else "127.0.0.1"


def status(pod: Pod, address: str, is_complete: bool = True) -> dict[str, Any]:
    """The status that a kubelet would report; times stay as long as what they are about stays.

    is_complete: whether everything that belongs to the pod runs.
    """
    waiting = annotations(pod).get(WAITING)
    ready = is_complete and waiting is None and annotations(pod).get(READY) != "false" and not is_ending(pod)
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {"startedAt": _started(pod)}}
    before = [
        _ran(one, {"ready": True, "state": state} if _is_sidecar(one) else _ended(pod))
        for one in pod["spec"].get("initContainers") or ()
    ]
    return {
        "phase": "Pending" if waiting else "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": _started(pod),
        "conditions": [
            _condition(pod, "PodScheduled", True),
            _condition(pod, "Initialized", True),
            _condition(pod, "ContainersReady", ready),
            _condition(pod, "Ready", ready),
        ],
        **({"initContainerStatuses": before} if before else {}),
        "containerStatuses": [
            _ran(one, {"ready": ready, "started": waiting is None, "state": state}) for one in pod["spec"]["containers"]
        ],
    }


def _ran(container: Mapping[str, Any], how: Mapping[str, Any]) -> dict[str, Any]:
    image = container["image"]
    return {"name": container["name"], "image": image, "imageID": image, "restartCount": 0, **how}


def _is_sidecar(container: Mapping[str, Any]) -> bool:
    """Whether it runs as long as the pod, though it stands among the init containers."""
    return container.get("restartPolicy") == "Always"


def _ended(pod: Pod) -> dict[str, Any]:
    """An init container has done its work."""
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": _started(pod), "finishedAt": _started(pod)}
    return {"ready": True, "started": False, "state": {"terminated": ended}}


def is_ending(pod: Pod) -> bool:
    """Whether somebody deleted it."""
    return "deletionTimestamp" in pod["metadata"]


def agrees(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a stored status already says what `new` says."""
    return all(_pruned(old.get(key), value) == value for key, value in new.items())


def _pruned(old: Any, new: Any) -> Any:
    """`old` with only the fields that `new` speaks of; the API server adds others."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _pruned(old.get(key), value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_pruned(one, other) for one, other in zip(old, new, strict=True)]
    return old


def _condition(pod: Pod, kind: str, holds: bool) -> dict[str, str]:
    wanted = str(holds)
    for old in (pod.get("status") or {}).get("conditions") or ():
        if old["type"] == kind and old["status"] == wanted and old.get("lastTransitionTime"):
            return {"type": kind, "status": wanted, "lastTransitionTime": old["lastTransitionTime"]}
    return {"type": kind, "status": wanted, "lastTransitionTime": _now()}


def _started(pod: Pod) -> str:
    return str((pod.get("status") or {}).get("startTime") or _now())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _setting(pod: Pod, name: str) -> str | None:
    found = annotations(pod).get(PREFIX + name.lower().replace("_", "-"))
    if found is not None:
        return found
    env = pod["spec"]["containers"][0].get("env") or ()
    return next((entry.get("value") for entry in env if entry["name"] == name), None)
