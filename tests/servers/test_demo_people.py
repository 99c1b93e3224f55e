"""Does a release of the demo wait for two people, go on once they pressed, and tell who did?"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout.cli.people_shop import ANA, BO, CY
from tests.servers.controller import PROGRAM
from tests.servers.peopledemo import ENDED_S, ENVIRONMENT, Demo, a_demo
from tests.servers.process import eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("demo")]

WHOLE_S = 150.0


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """One that waits for people."""
    with a_demo(tmp_path) as found:
        yield found


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


def test_it_waits_until_two_approvers_pressed_and_hears_nobody_else(demo: Demo) -> None:
    demo.approve(CY)
    demo.said(r"to cy alone: .*does not grant approve to slack:cy@shop\.example")
    for user in (ANA, BO):
        demo.approve(user)

    demo.said("bo@shop.example, in Slack: approve is accepted: step 1 of v2 approved")
    demo.said("step 2 of 2: v2 gets 50 %")


def test_ctrl_c_while_it_waits_leaves_neither_a_process_nor_a_file(demo: Demo, tmp_path: Path) -> None:
    demo.said("waiting for 2 approvals")

    demo.interrupt()

    assert demo.opened() == []
    assert eventually(lambda: not _alive(str(tmp_path)), ENDED_S)


def test_it_opens_both_pages_when_it_is_asked_to(tmp_path: Path) -> None:
    with a_demo(tmp_path, "--open") as demo:
        assert eventually(lambda: len(demo.opened()) == 2, ENDED_S)

        assert demo.opened() == sorted([f"{demo.slack}/", demo.dashboard])
        demo.interrupt()


def _alive(place: str) -> list[str]:
    """Command lines that name the place."""

    def line(page: Path) -> str:
        try:
            return page.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""

    return [found for page in Path("/proc").glob("[0-9]*/cmdline") if place in (found := line(page))]
