"""How does something come onto this machine, once for all runs?

What was fetched or built lands in `${XDG_CACHE_HOME:-~/.cache}/rollout-tests`, never in the tree.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.missing import ServerMissingError


def cache() -> Path:
    """The folder that keeps servers between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "rollout-tests"


def on_path(name: str) -> Path | None:
    """A program that the machine has: KUBEBUILDER_ASSETS first, then PATH; None when neither has it."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (found := shutil.which(name, path=assets)):
        return Path(found)
    return Path(found) if (found := shutil.which(name)) else None


def once(target: Path, make: Callable[[Path], None]) -> Path:
    """`target`, made on the first call: `make` fills a draft of the folder directly below the cache.

    Other processes wait for the first; a draft becomes the target by one rename, so nobody sees half of it.
    """
    if target.exists():
        return target
    home = cache() / target.relative_to(cache()).parts[0]
    cache().mkdir(parents=True, exist_ok=True)
    with _locked(home.with_name(home.name + ".lock")):
        if not target.exists():
            draft = home.with_name(f"{home.name}.draft-{os.getpid()}")
            try:
                draft.mkdir()
                make(draft)
                draft.rename(home)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return target


def installed(program: str, *packages: str) -> Path:
    """A program of the machine; root installs Debian's packages where it is missing, as in a container of CI.

    Not unpacked into the cache: sshd wants the user that its package makes.
    """
    if found := _in_system(program):
        return found
    missing = ServerMissingError(program, f"apt-get install {' '.join(packages)}")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise missing
    cache().mkdir(parents=True, exist_ok=True)
    with _locked(cache() / "apt.lock"):
        command = ["apt-get", "install", "-q", "--yes", "--no-install-recommends", *packages]
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]  # asks nothing, starts no service
        if not _in_system(program) and not succeeds([*quiet, *command], cache()):
            succeeds(["apt-get", "update", "-q"], cache())
            succeeds([*quiet, *command], cache())
    if found := _in_system(program):
        return found
    raise missing


def succeeds(command: Sequence[str], folder: Path) -> bool:
    """Whether the command ends with 0 within five minutes."""
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False).returncode == 0


def _in_system(program: str) -> Path | None:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")  # not on everybody's PATH
    return Path(found) if found else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel, whatever ends the holder
        yield
