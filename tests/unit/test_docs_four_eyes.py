"""Does the page about four eyes lead from nothing to a proof?"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from policies.approval import Authors
from rollout.manifest.parse import parse_file
from rollout.model.approval import ApprovalPolicy
from tests.support.authors_world import an_authors_world
from tests.support.repos import Repository

PAGE = (Path(__file__).parents[2] / "docs" / "four-eyes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TYPED = [line.removeprefix("$ ") for line in PAGE.splitlines() if line.startswith("$ ")]
ROLLOUT = next(block for block in BLOCKS if "kind: Rollout\n" in block)


def run(line: str, where: Path, home: Path) -> None:
    """A line of the page, typed by a person whose home is `home`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = inherited | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["sh", "-c", line], check=True, cwd=where, env=environment, capture_output=True, timeout=60)


def test_the_manifests_of_the_page_are_read_and_belong_together() -> None:
    source, policy, rollout = (parse_file("page.yaml", block.encode()).manifests[0] for block in BLOCKS)

    assert isinstance(policy.spec, ApprovalPolicy)
    assert (policy.spec.quorum.four_eyes, source.obj["spec"]["verify"]) == (True, {"secretRef": {"name": "signers"}})
    assert rollout.obj["spec"]["steps"][0]["approval"] == policy.key.name


@pytest.mark.server
@pytest.mark.slow
async def test_who_does_what_the_page_says_is_proven_to_be_the_author(tmp_path: Path) -> None:
    bare, work, home = Repository(tmp_path / "specs.git"), tmp_path / "work", tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    for line in (line for line in TYPED if line.startswith(("ssh-keygen", "git config"))):
        run(line, tmp_path, home)
    run(f"git clone --quiet {bare.path} {work}", tmp_path, home)
    (work / "rollouts").mkdir()
    (work / "rollouts" / "checkout.yaml").write_text(ROLLOUT)
    for line in (
        "git add --all",
        *(line for line in TYPED if line.startswith(("git commit", "git cat-file", "git push"))),
    ):
        run(line, work, home)
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))

    async with an_authors_world(url=bare.url, path="rollouts") as world:
        world.trust(ana__sshpub=(home / ".ssh" / "signing.pub").read_text())
        world.sync.restart(git)
        world.git, world.past = git, GitPast(git)
        world.restart()
        await world.applied()
        answer = await world.of("v2")

    await git.close()
    assert answer == Authors(commit=bare.head(), emails=("ana@shop.example",))
