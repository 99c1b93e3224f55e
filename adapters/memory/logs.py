"""What did containers of the memory cluster log, where nothing runs in them?"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from adapters.memory.objects import Obj
from adapters.memory.statuses import RefusalError

LOG = "/log"  # how the path of a log ends
KEPT = 1000  # lines of a container, as a kubelet keeps only the last files
_Container = tuple[str, str]  # uid of the pod, name of the container


@dataclass(slots=True)
class Logs:
    """The last lines of each container, by the uid of its pod."""

    _lines: dict[_Container, deque[tuple[datetime, str]]] = field(default_factory=dict)

    def append(self, uid: str, container: str, at: datetime, line: str) -> None:
        """The container logs a line."""
        self._lines.setdefault((uid, container), deque(maxlen=KEPT)).append((at, line))

    def since(self, uid: str, container: str, since: datetime | None) -> Iterator[str]:
        """What it logged from then on, oldest first; None for all that is kept."""
        for at, line in self._lines.get((uid, container), ()):
            if since is None or at >= since:
                yield line


def told(logs: Logs, pod: Obj, query: Mapping[str, str]) -> str:
    """The answer to a request for the pod's log: by container, sinceTime, tailLines and limitBytes."""
    container = query.get("container", "")
    spec = pod["spec"]
    names = [one["name"] for one in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))]
    if container not in names:
        raise RefusalError(400, f"container {container} is not valid for pod {pod['metadata']['name']}")
    since = datetime.fromisoformat(query["sinceTime"]) if "sinceTime" in query else None
    lines = list(logs.since(pod["metadata"]["uid"], container, since))
    if "tailLines" in query:
        lines = lines[max(len(lines) - int(query["tailLines"]), 0) :]
    text = "".join(f"{line}\n" for line in lines)
    return text.encode()[: int(query.get("limitBytes", len(text.encode())))].decode(errors="replace")
