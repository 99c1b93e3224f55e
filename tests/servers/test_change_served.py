"""Is it proven by real signatures, in a repository that is served over HTTP, whose change a revision is?"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from policies.approval import Authors
from tests.servers.githttp import GitHttp, Login
from tests.support.authors_world import AuthorsWorld, an_authors_world
from tests.support.repos import Repository
from tests.support.scribes import ANA, BEN, By, GitScribe, a_rollout
from tests.support.signing import GpgSigner, SshSigner

pytestmark = [pytest.mark.server, pytest.mark.slow]

BOTH = ("ana@example.org", "ben@example.org")


class Served:
    """A GitSource on a repository behind git http-backend, with a password, and what signs."""

    def __init__(self, world: AuthorsWorld, scribe: GitScribe, server: GitHttp, ana: SshSigner) -> None:
        self.world, self.scribe, self.server, self.ana = world, scribe, server, ana
        self.signed = By(author=ANA, key=ana.settings)

    def commit(self, files: Mapping[str, str], by: By | None = None) -> str:
        return self.scribe.commit(files, by or self.signed)

    async def of(self, revision: str = "v2") -> Authors:
        await self.world.applied()
        return await self.world.of(revision)


@pytest.fixture
async def served(tmp_path: Path, git_http: GitHttp, ana_ssh: SshSigner) -> AsyncIterator[Served]:
    git_http.login = Login(user="bot", password="correct horse")
    scribe = GitScribe(Repository(tmp_path / "shop.git"))
    sync = GitSpecSource(tmp_path / "sync", urls=Urls(file=True))
    history = GitSpecSource(tmp_path / "history", urls=Urls(file=True))
    async with an_authors_world(url=f"{git_http.url}/shop.git", secretRef={"name": "login"}) as world:
        world.trust(ana__sshpub=ana_ssh.public)
        world.secret("login", username="bot", password="correct horse")
        world.sync.restart(sync)
        world.git, world.past = history, GitPast(history)
        world.restart()
        yield Served(world, scribe, git_http, ana_ssh)
    await sync.close()
    await history.close()


async def test_a_change_signed_by_ssh_is_proven_over_http(served: Served) -> None:
    served.commit({"a.yaml": a_rollout("v1")})
    changed = served.commit({"a.yaml": a_rollout("v2")}, replace(served.signed, committer=BEN))
    served.commit({"a.yaml": a_rollout("v2", soak="20m")})

    assert await served.of() == Authors(commit=changed, emails=BOTH)


async def test_a_change_signed_by_gpg_is_proven_over_http(served: Served, ana_gpg: GpgSigner) -> None:
    served.world.trust(ana__asc=ana_gpg.public)
    changed = served.commit({"a.yaml": a_rollout("v2")}, By(author=BEN, key=ana_gpg.settings))

    assert await served.of() == Authors(commit=changed, emails=BOTH)


async def test_a_forged_author_does_not_hide_whose_key_signed(served: Served) -> None:
    served.commit({"a.yaml": a_rollout("v2")}, By(author=BEN, committer=BEN, key=served.ana.settings))

    assert (await served.of()).emails == BOTH


async def test_a_change_signed_by_a_key_that_is_not_trusted_proves_nothing(served: Served, tmp_path: Path) -> None:
    eve = SshSigner(tmp_path / "eve", "ana@example.org")
    changed = served.commit({"a.yaml": a_rollout("v2")}, By(author=ANA, key=eve.settings))
    served.commit({"a.yaml": a_rollout("v2", soak="20m")})

    answer = await served.of()

    assert answer.emails == ()
    assert f"commit {changed[:12]} is signed by key {eve.fingerprint}, which is not trusted here" in answer.unproven
    assert "sign what changes spec.revision, with a key in Secret keys" in answer.unproven


async def test_an_altered_commit_proves_nothing(served: Served) -> None:
    git = served.scribe.repository
    signed = served.commit({"a.yaml": a_rollout("v2")})
    raw = git.git("cat-file", "commit", signed).replace("author Ana <ana@", "author Ben <ben@")
    forged = git.store("commit", raw.encode())
    git.git("update-ref", "refs/heads/main", forged)
    served.commit({"a.yaml": a_rollout("v2", soak="20m")})

    assert f"commit {forged[:12]} has a signature that does not fit" in (await served.of()).unproven


async def test_a_pull_request_is_that_of_who_wrote_and_who_merged_it(served: Served) -> None:
    base = served.commit({"a.yaml": a_rollout("v1")})
    side = served.scribe.commit({"a.yaml": a_rollout("v2")}, served.signed, parents=[base], branch="pull")
    main = served.commit({"a.yaml": a_rollout("v1"), "b.yaml": ""})
    files = {"a.yaml": a_rollout("v2"), "b.yaml": ""}
    served.scribe.commit(files, replace(served.signed, author=BEN), parents=[main, side])

    assert await served.of() == Authors(commit=side, emails=BOTH)


async def test_a_change_further_back_than_what_was_fetched_first_is_proven(served: Served) -> None:
    served.commit({"a.yaml": a_rollout("v1")})
    changed = served.commit({"a.yaml": a_rollout("v2")})
    for number in range(60):
        served.commit({"a.yaml": a_rollout("v2"), "b.yaml": f"b: {number}\n"}, By(author=BEN))
    served.commit({"a.yaml": a_rollout("v2")})

    assert await served.of() == Authors(commit=changed, emails=("ana@example.org",))


async def test_a_forced_push_is_judged_by_what_is_applied(served: Served) -> None:
    served.commit({"a.yaml": a_rollout("v2")})
    before = await served.of()
    forced = served.scribe.commit({"a.yaml": a_rollout("v2"), "b.yaml": ""}, served.signed, parents=[])
    unapplied = await served.world.of("v2")

    assert (unapplied, await served.of()) == (before, Authors(commit=forced, emails=("ana@example.org",)))


@pytest.mark.parametrize("fault", [500, 401, 404])
async def test_a_server_in_trouble_proves_nothing(served: Served, fault: int) -> None:
    served.commit({"a.yaml": a_rollout("v2")})
    await served.world.applied()
    served.server.fault = fault

    answer = await served.world.of()

    assert (answer.emails, answer.unproven != "") == ((), True)
    assert "correct horse" not in answer.unproven
