"""How long does a commit take to its first weight, by the signed webhook of a git host?

On a real kube-apiserver, a real git server and `rollout serve` as a process of its own; nothing else is asked of them.
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.servers.knocks import heard, to_first_weight
from tests.servers.missing import ServerMissingError
from tests.servers.stand import placed


def arrivals(commits: int = 15) -> tuple[float, float] | str:
    """Median and longest seconds from the webhook of a commit to the first weight in the route; or which server is missing."""
    try:
        with (
            TemporaryDirectory(prefix="rollout-bench-") as directory,
            placed(Path(directory)) as place,
            heard(place) as doors,
        ):
            doors.path("host")
            found = [to_first_weight(doors, f"r{number}") for number in range(commits)]
    except ServerMissingError as missing:
        return str(missing)
    return median(found), max(found)
