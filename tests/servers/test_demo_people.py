"""Does a release of the demo wait for two people, go on once they pressed, and tell who did?"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from rollout.cli.people_shop import ANA, BO, CY
from tests.servers.controller import PROGRAM
from tests.servers.process import eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[2]
WHOLE_S = 150.0
SOON_S = 60.0
ENDED_S = 15.0
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
BUTTON = re.compile(r"/confirm\?user=\w+&amp;ts=([\d.]+)&amp;action=rollout\.approve")


@dataclass(slots=True)
class Demo:
    """A demo that waits for people."""

    process: "subprocess.Popen[str]"
    log: Path
    slack: str = field(init=False)

    def __post_init__(self) -> None:
        self.slack = self.said(r"Slack +(http://[\d.:]+)/")

    def said(self, pattern: str) -> str:
        """The first group of what it says sooner or later."""
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


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """One that has said where its pages are; its temporary files are all below tmp_path."""
    place = tmp_path / "demo"
    place.mkdir()
    log, command = tmp_path / "log", [*PROGRAM, "demo", "people"]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command,
            cwd=place,
            env=ENVIRONMENT | {"TMPDIR": str(place)},
            text=True,
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as running,
    ):
        try:
            yield Demo(running, log)
        finally:
            running.kill()


def test_ana_in_slack_and_bo_in_the_dashboard_bring_it_to_all_users_and_ana_counts_once() -> None:
    done = subprocess.run(
        [*PROGRAM, "demo", "people", "--press"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=WHOLE_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    order = (
        "waiting for 2 approvals of v2 by release-managers",
        "[Approve] [Reject] [Abort] [Why]",
        "ana@shop.example, in Slack: approve is accepted",
        "ana@shop.example, in the dashboard: approve is refused",
        "bo@shop.example, in the dashboard: approve is accepted: step 1 of v2 approved",
        "step 2 of 2: v2 gets 50 %",
        "run 1 of v2: promoted",
    )
    assert sorted(order, key=done.stdout.index) == list(order)
    assert "\x1b" not in done.stdout


def test_it_waits_until_two_approvers_pressed_in_slack_and_ends_at_ctrl_c(demo: Demo, tmp_path: Path) -> None:
    demo.approve(CY)
    demo.said(r"to cy alone: .*does not grant approve to slack:cy@shop\.example")
    for user in (ANA, BO):
        demo.approve(user)
    demo.said("run 1 of v2: promoted")
    demo.said("Running until Ctrl-C")

    demo.process.send_signal(signal.SIGINT)

    assert eventually(lambda: demo.process.poll() is not None, ENDED_S)
    assert demo.process.returncode == 0
    assert "Traceback" not in demo.log.read_text()
    assert list((tmp_path / "demo").iterdir()) == []


def test_ctrl_c_while_it_waits_leaves_neither_a_process_nor_a_file(demo: Demo, tmp_path: Path) -> None:
    demo.said("waiting for 2 approvals")

    demo.process.send_signal(signal.SIGINT)

    assert eventually(lambda: demo.process.poll() is not None, ENDED_S)
    assert demo.process.returncode == 0
    assert "Traceback" not in demo.log.read_text()
    assert list((tmp_path / "demo").iterdir()) == []
    assert eventually(lambda: not _alive(str(tmp_path)), ENDED_S)


def _alive(place: str) -> list[str]:
    """Command lines that name the place."""

    def line(page: Path) -> str:
        try:
            return page.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""

    return [found for page in Path("/proc").glob("[0-9]*/cmdline") if place in (found := line(page))]
