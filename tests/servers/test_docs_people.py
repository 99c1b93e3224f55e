"""Does docs/people.md lead from nothing to a button in Slack that moves a Rollout on, as it stands?

The cluster is the embedded one with the demo's shop in it, the controller runs in this process, and Slack is the demo's:
everything else is what the page shows, typed into a shell with the real kubectl.
"""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from rollout.cli.people_hands import Browser
from rollout.cli.people_shop import ANA, SPEC, workspace
from rollout.cli.stage import Scene, Stage, stage
from rollout.demo import slack, slack_page
from rollout.demo.slack import Message, Workspace
from rollout.demo.slack_blocks import buttons
from rollout.web.listen import served
from rollout.wiring.serving import running
from tests.repo.test_docs import blocks
from tests.servers.missing import ServerMissingError, obtained
from tests.support.followed import until

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "people.md"
HERE = "127.0.0.1:0"
PATIENCE_S = 120.0
YAML = [text for language, text in blocks(PAGE) if language == "yaml"]
SAVED = next(text for text in YAML if "kind: Receiver" in text)


def typed() -> list[str]:
    """What a reader types at his cluster, continued lines in one."""
    text = "\n".join(text.replace("\\\n", " ") for language, text in blocks(PAGE) if language == "console")
    lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    assert lines[0] == "rollout demo people"
    return lines[1:]


@dataclass(slots=True, kw_only=True)
class Reader:
    """Somebody who follows the page. desk: the folder in which he types."""

    desk: Path
    on: Stage
    slack: Workspace

    async def types(self, line: str) -> str:
        """What the line prints; it must not fail."""
        environment = os.environ | {
            "PATH": f"{self.desk / 'bin'}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.on.kubeconfig),
            "IMAGE": "registry.test/rollout:1",
            "PROMETHEUS": "http://prometheus.test:9090",
            **{f"GIT_{who}_{what}": "ana" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", line, cwd=self.desk, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 0, f"$ {line}\n{said.decode()}"
        return said.decode()

    async def asked(self) -> Message:
        """The message with Approve."""

        def found() -> list[Message]:
            return [one for one in self.slack.messages if "rollout.approve" in _actions(one)]

        await until(lambda: bool(found()))
        return found()[0]


def _actions(message: Message) -> list[str]:
    return [str(button["action_id"]) for _, button in buttons(message.blocks)]


def kubectl() -> str:
    """Where it is."""
    found = shutil.which("kubectl")
    if found is None:
        raise ServerMissingError("kubectl", "put it on PATH")
    return found


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[tuple[Reader, Browser, dict[str, str]]]:
    """A reader with the files that the page speaks of, his browser, and where his Slack sends to."""
    obtained(kubectl)
    at, sends = workspace(), {"to": ""}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(slack.serving(at, *slack_page.routes(at, lambda: sends["to"])))
        start = partial(running, slack=f"{url}/api/")
        scene = Scene(rate=60, spec=SPEC, settings={"webhooks_listen": HERE}, start=start)
        on = await stack.enter_async_context(stage(scene))
        assert on.wired.hooks is not None
        sends["host"] = await stack.enter_async_context(served(on.wired.hooks, HERE))
        follower = Reader(desk=tmp_path, on=on, slack=at)
        await _files(follower)
        await on.deploy("v2", failing=0)
        yield follower, Browser(slack_url=url, dashboard_url=""), sends


async def _files(reader: Reader) -> None:
    """What he has before he begins, and what the page has him save."""
    program, repository = reader.desk / "bin" / "rollout", reader.on.repository.url.removeprefix("file://")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m rollout.cli "$@"\n')
    program.chmod(0o755)
    (reader.desk / "signing-secret").write_text(reader.slack.secret + "\n")
    (reader.desk / "bot-token").write_text(reader.slack.token + "\n")
    (reader.desk / "people.yaml").write_text(SAVED)
    await reader.types(f"git -C {repository} config receive.denyCurrentBranch ignore")
    await reader.types(f"git clone --quiet {repository} specs")


async def test_who_does_what_the_page_says_moves_a_rollout_on_by_a_button(
    reader: tuple[Reader, Browser, dict[str, str]],
) -> None:
    person, browser, sends = reader
    said: dict[str, str] = {}
    for line in typed():
        said[line] = await person.types(line)
        if "status.path" in line:
            assert re.fullmatch(r"/hooks/slack/[0-9a-f]{64}", said[line])
            sends["to"] = sends["host"] + said[line]
        if line.startswith("rollout why"):
            await browser.approve_in_slack(await person.asked(), ANA)

    audit = said["rollout history checkout -n shop --audit"]
    assert re.search(r"approve .*ana@shop\.example", audit), audit
    assert "slack" in audit
    assert (await person.on.read("approvalpolicies/release-managers"))["spec"]["minimum"] == 2


def test_the_step_of_the_page_names_the_policy_of_the_page() -> None:
    (steps,) = [yaml.safe_load(text)["steps"] for text in YAML if text.lstrip().startswith("steps:")]

    policy = next(one for one in yaml.safe_load_all(SAVED) if one["kind"] == "ApprovalPolicy")

    assert steps[0]["approval"] == policy["metadata"]["name"]
    assert f"approval: {policy['metadata']['name']}" in SPEC


def test_the_ingress_leads_to_the_service_that_is_exposed_and_to_nothing_but_hooks() -> None:
    ingress = next(one for text in YAML for one in yaml.safe_load_all(text) if one.get("kind") == "Ingress")

    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]

    assert path["path"] == "/hooks/"
    assert any(f"--name={path['backend']['service']['name']} " in line for line in typed())
