"""How long does a commit take to its first weight, by the signed webhook of a git host?

On a real kube-apiserver, a real git server and `rollout serve` as a process of its own; nothing else is asked of them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.results import Result
from tests.servers.knocks import heard, to_first_weight
from tests.servers.stand import placed


def arrived(commits: int = 15) -> Result:
    """Seconds from the webhook of each commit to the first weight in the route. Raises ServerMissingError."""
    with (
        TemporaryDirectory(prefix="rollout-bench-") as directory,
        placed(Path(directory)) as place,
        heard(place) as doors,
    ):
        doors.path("host")
        seconds = tuple(round(to_first_weight(doors, f"r{number}"), 3) for number in range(commits))
    return Result(measure="commit (look-now) -> first weight", n=1, runs=seconds, unit="s", goal=1)
