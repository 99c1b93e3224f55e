"""On which machine, of which commit, when and by which command was it measured?"""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stamped(arguments: Sequence[str]) -> dict[str, str]:
    """Machine, its load, commit, command and date; `arguments` are those of the command."""
    return {
        "machine": f"{processor(Path('/proc/cpuinfo').read_text())}, {os.cpu_count()} cores, {platform.platform()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "commit": _commit(),
        "command": " ".join(["python -m tests.bench", *arguments]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def processor(cpuinfo: str) -> str:
    """The model of the first core in the text of /proc/cpuinfo; the architecture where it has none, as on ARM."""
    named = (line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name"))
    return next(named, platform.machine())


def _commit() -> str:
    """What is checked out, and whether anything was changed since."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
