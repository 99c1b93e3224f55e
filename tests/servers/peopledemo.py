"""How does a test play with a demo of people that waits for somebody?"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.servers.controller import PROGRAM
from tests.servers.process import eventually

ROOT = Path(__file__).parents[2]
SOON_S = 60.0
ENDED_S = 15.0
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
BUTTON = re.compile(r"/confirm\?user=\w+&amp;ts=([\d.]+)&amp;action=rollout\.approve")


@dataclass(slots=True)
class Demo:
    """A demo that waits for people. place: where its temporary files are. slack, dashboard: URLs of its pages."""

    process: "subprocess.Popen[str]"
    place: Path
    log: Path
    slack: str = field(init=False)
    dashboard: str = field(init=False)

    def __post_init__(self) -> None:
        self.slack = self.said(r"Slack +(http://[\d.:]+)/")
        self.dashboard = self.said(r"Dashboard +(http://\S+)")

    def said(self, pattern: str) -> str:
        """The first group of what it says sooner or later, the whole where there is none."""
        assert eventually(lambda: re.search(pattern, self.log.read_text()) is not None, SOON_S), self.log.read_text()
        found = re.search(pattern, self.log.read_text())
        assert found is not None
        return found[1] if found.groups() else found[0]

    def approve(self, user: str) -> None:
        """Press Approve in Slack, as the page has it."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = BUTTON.findall(requests.get(f"{self.slack}/messages?user={user}", timeout=5).text)
            return bool(found)

        assert eventually(is_there, SOON_S)
        form = {"user": user, "ts": found[0], "action": "rollout.approve"}
        requests.post(f"{self.slack}/press", data=form, timeout=5).raise_for_status()

    def opened(self) -> list[str]:
        """The pages that it had the browser open."""
        file = self.place.parent / "opened"
        return sorted(file.read_text().split()) if file.exists() else []

    def interrupt(self) -> None:
        """Ctrl-C; it ends cleanly, and leaves no file."""
        self.process.send_signal(signal.SIGINT)
        assert eventually(lambda: self.process.poll() is not None, ENDED_S)
        assert self.process.returncode == 0
        assert "Traceback" not in self.log.read_text()
        assert list(self.place.iterdir()) == []


@contextmanager
def a_demo(directory: Path, *options: str) -> Iterator[Demo]:
    """One that has said where its pages are; all its files are below `directory`, and what it opens is only noted."""
    place, log, command = directory / "demo", directory / "log", [*PROGRAM, "demo", "people", *options]
    place.mkdir()
    opener = directory / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" >>{directory / "opened"}\n')
    opener.chmod(0o755)
    environment = ENVIRONMENT | {"TMPDIR": str(place), "PATH": f"{opener.parent}:{os.environ['PATH']}"}
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, cwd=place, env=environment, text=True, stdout=out, stderr=subprocess.STDOUT
        ) as running,
    ):
        try:
            yield Demo(running, place, log)
        finally:
            running.kill()
