"""Does a release go on while git is in trouble, is nothing taken on a guess, and is git heard again by itself?"""

import shutil
from collections.abc import Iterator

import pytest
import yaml

from tests.servers.faults import everything
from tests.servers.githttp import Login
from tests.servers.gittrouble import GitTrouble, git_troubled
from tests.servers.process import eventually
from tests.servers.shop import LOGIN, Place, manifest
from tests.servers.smalldisk import fill
from tests.servers.trouble import LONG

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("faults of git")]


@pytest.fixture(scope="module")
def shop_in_trouble(shared_place: Place) -> Iterator[GitTrouble]:
    """Its controller reaches git by way of a meddler."""
    with git_troubled(shared_place) as trouble:
        yield trouble


def test_a_run_goes_on_while_git_does_not_answer_and_what_was_committed_meanwhile_comes_after_it(
    trouble: GitTrouble,
) -> None:
    run = trouble.begins()
    fault = trouble.way.hang(everything)

    trouble.names("v1")
    went_on = trouble.shop.reaches(weight=50)
    during = trouble.shop.status()["run"]
    fault.end()

    assert went_on, trouble.shop.told()
    assert during == run
    assert trouble.shop.gives("v2", 0), trouble.shop.told()


def test_a_git_server_that_is_gone_deletes_nothing_and_is_told(trouble: GitTrouble) -> None:
    run = trouble.begins()
    trouble.shop.git.stop()
    trouble.look()
    said = trouble.says("Ready", "False", "FetchFailed", "stays in force")
    told = trouble.shop.order("why", "checkout").stdout
    went_on = trouble.shop.reaches(weight=50)
    during = trouble.shop.status()["run"]
    trouble.shop.git.start()

    assert said, trouble.told()
    assert "no news from git: GitSource" in told
    assert went_on, trouble.shop.told()
    assert during == run
    assert trouble.says("Ready", "True"), trouble.told()


def test_credentials_that_were_revoked_are_named_and_count_again_once_they_do(trouble: GitTrouble) -> None:
    run = trouble.begins()
    git = trouble.shop.git
    git.login = Login(user="bot", password="another")
    trouble.look()
    said = trouble.says("Stalled", "True", "AccessDenied", "Secret git")
    went_on = trouble.shop.reaches(weight=50)
    git.login = LOGIN

    assert said, trouble.told()
    assert went_on, trouble.shop.told()
    assert trouble.shop.status()["run"] == run
    assert trouble.says("Ready", "True"), trouble.told()


def test_of_a_commit_with_a_broken_file_nothing_is_taken_until_it_is_mended(trouble: GitTrouble) -> None:
    run = trouble.begins()
    broken = {"rollouts/other.yaml": "kind: Rollout\nspec: [", "rollouts/checkout.yaml": spec(trouble, "v1")}
    trouble.shop.repository.commit(broken, "break a neighbour")
    trouble.look()

    said = trouble.says("Ready", "False", "rollouts/other.yaml:", "stays in force")
    went_on = trouble.shop.reaches(weight=50)
    during = trouble.shop.status()["run"]
    trouble.shop.repository.commit({"rollouts/other.yaml": None}, "mend it")

    assert said, trouble.told()
    assert went_on, trouble.shop.told()
    assert during == run
    assert trouble.shop.gives("v2", 0), trouble.shop.told()


def test_a_forced_push_back_to_the_old_revision_takes_the_run_back(trouble: GitTrouble) -> None:
    trouble.begins()

    forced = trouble.shop.repository.rewrite(1, {"rollouts/checkout.yaml": spec(trouble, "v1")}, "never mind")
    trouble.look()

    assert trouble.shop.gives("v2", 0), trouble.shop.told()
    assert trouble.says("HistoryRewritten", "True", f"{forced[:12]} does not follow"), trouble.told()
    assert trouble.says("Ready", "True"), trouble.told()


def test_git_needs_no_more_than_room_again_after_its_disk_was_full(trouble: GitTrouble) -> None:
    ballast = fill(trouble.cache)
    trouble.names("v2")
    said = trouble.says("Ready", "False", "FetchFailed", "No space left on device", "stays in force")
    before = trouble.shop.weight("v2")

    ballast.unlink()

    assert said, trouble.told()
    assert before == 0
    assert trouble.shop.gives("v2", 10), trouble.told()


def test_git_needs_nothing_but_a_look_after_its_folder_was_emptied(trouble: GitTrouble) -> None:
    for held in trouble.cache.iterdir():
        shutil.rmtree(held)

    trouble.begins()

    assert trouble.says("Ready", "True"), trouble.told()
    assert eventually(lambda: any(trouble.cache.iterdir()))


def spec(trouble: GitTrouble, revision: str) -> str:
    """The Rollout's file."""
    return yaml.safe_dump(manifest(trouble.shop.namespace, revision, **LONG))
