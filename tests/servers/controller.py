"""How is the product itself run in a test: as its users run it, as a process?"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from tests.servers.process import Process, eventually, free_port

STARTED_S = 30.0
ENDED_S = 10.0  # what the product promises after SIGTERM
PROGRAM = (sys.executable, "-m", "rollout.cli")


class Controller:
    """`rollout serve` with these settings. metrics: the URL of /metrics.

    within: a command that makes the world in which it runs, such as one with a small disk, and becomes it.
    """

    def __init__(self, directory: Path, kubeconfig: Path, **settings: str) -> None:
        port = free_port()
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        self.log = directory / "controller.log"
        self.within: tuple[str, ...] = ()
        self._process = Process("rollout serve", self.log)
        self._directory = directory
        flags = {
            "kubeconfig": str(kubeconfig),
            "metrics-listen": f"127.0.0.1:{port}",
            "api-listen": "",
            "log-format": "json",
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        self._command = [*PROGRAM, "serve", *(f"--{name}={value}" for name, value in flags.items() if value != "yes")]
        self._command += [f"--{name}" for name, value in flags.items() if value == "yes"]

    def start(self, patience_s: float = STARTED_S) -> None:
        """Return when it has listed everything."""
        self.launch()
        self.wait_ready(patience_s)

    def launch(self) -> None:
        """Start its process, and wait for nothing."""
        where = {"PYTHONPATH": str(Path(__file__).parents[2])}
        self._process.start([*self.within, *self._command], self._directory, where)

    def wait_ready(self, patience_s: float = STARTED_S) -> None:
        """Return when it has listed everything."""
        self._process.wait_ready(self._is_ready, patience_s)

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process.popen is not None and self._process.popen.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.stop()

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP)."""
        self._process.freeze()

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self._process.thaw()

    def terminate(self, meanwhile: Callable[[], None] = lambda: None) -> int | None:
        """Ask it to end as Kubernetes does; its exit code, None when it did not end in time. meanwhile: done in between."""
        pid = self._process.pid
        running = self._process.popen
        if pid is None or running is None:
            return None
        os.kill(pid, signal.SIGTERM)
        meanwhile()
        eventually(lambda: running.poll() is not None, ENDED_S)
        return running.poll()

    @property
    def pid(self) -> int:
        """The id of its process; ProcessLookupError while it does not run."""
        if self._process.pid is None:
            raise ProcessLookupError("the controller does not run")
        return self._process.pid

    def last_words(self) -> str:
        """The end of its log."""
        return self._process.last_words()

    def _is_ready(self) -> bool:
        try:
            with urlopen(self.metrics.replace("/metrics", "/readyz"), timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def rollout(
    *arguments: str, kubeconfig: Path, namespace: str, patience_s: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """What the CLI says and how it ends."""
    return subprocess.run(
        [*PROGRAM, *arguments, "--kubeconfig", str(kubeconfig), "-n", namespace],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
