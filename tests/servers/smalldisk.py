"""How does a program get a disk of its own that is soon full, and how is it filled and emptied from outside?"""

import errno
import os
from pathlib import Path

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
_PIECE = 4096


def with_disk(folder: Path, kilobytes: int) -> tuple[str, ...]:
    """The beginning of a command whose program alone sees so small a disk at `folder`."""
    mounted = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'
    return (*UNSHARE, "sh", "-c", mounted, str(folder), f"{kilobytes}k")


def seen_by(pid: int, folder: Path) -> Path:
    """The folder as that process sees it."""
    return Path(f"/proc/{pid}/root{folder}")


def fill(folder: Path) -> Path:
    """The file that takes all room that was left on the disk of `folder`."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(os.urandom(_PIECE))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return ballast
