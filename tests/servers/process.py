"""How does a test run a real server for exactly as long as it needs it?"""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LAST_LINES = 15


class ServerFailedError(Exception):
    """A real server ended, or was not ready in time; carries the last lines of its log."""


class Process:
    """A program with a log file, in a process group of its own.

    The kernel kills it when the thread that started it ends, so start it in the main thread or in one that outlives it.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        return self._running.pid if self._running else None

    @property
    def popen(self) -> "subprocess.Popen[bytes] | None":
        """The running program itself; None while it does not run."""
        return self._running

    def start(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
        """Run `command`; `environment` is added to ours."""
        tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [*tied, *command],
                cwd=cwd,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, is_ready: Callable[[], bool], patience_s: float = 30.0) -> None:
        """Return when `is_ready`; raises ServerFailedError when the program ends before, or takes too long."""
        if not eventually(lambda: self._ended() or is_ready(), patience_s) or self._ended():
            state = f"ended with code {self._running.returncode}" if self._ended() and self._running else "is not ready"
            self.stop()
            raise ServerFailedError(f"{self.name} {state}; the end of {self.log}:\n{self.last_words()}")

    def stop(self) -> None:
        """Kill the whole process group and wait for it; nothing happens when it does not run."""
        if self._running is None:
            return
        self._signal(signal.SIGKILL)
        self._running.wait(10)
        self._running = None

    def freeze(self) -> None:
        """Let it live without answering, as a server behind a dead network; return when all its threads stand still."""
        self._signal(signal.SIGSTOP)
        eventually(self._stands_still)

    def thaw(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def last_words(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if self.log.exists() else ""

    def _signal(self, number: signal.Signals) -> None:
        if self._running and self._running.poll() is None:
            os.killpg(self._running.pid, number)

    def _stands_still(self) -> bool:
        """True of one that has ended, too."""
        stopped = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        return self._ended() or (
            self._running is not None and os.waitid(os.P_PID, self._running.pid, stopped) is not None
        )

    def _ended(self) -> bool:
        return self._running is None or self._running.poll() is not None


def eventually(is_true: Callable[[], bool], patience_s: float = 10.0, pause_s: float = 0.05) -> bool:
    """Whether it became true within `patience_s`; asked again after each pause."""
    deadline = time.monotonic() + patience_s
    pause = threading.Event()
    while not (answer := is_true()) and time.monotonic() < deadline:
        pause.wait(pause_s)
    return answer


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
