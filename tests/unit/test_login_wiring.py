"""Does what is set reach the sign-in: issuer, client, names, key file and how long a session lasts?"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.kube.cache import Cache
from adapters.kube.kinds import WATCHED
from adapters.kube.store import KubeRollouts
from adapters.memory.access import User
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.demo.issuer import Issuer, serving
from rollout.settings import Settings
from rollout.web.listen import served
from rollout.wiring.telling import seen
from rollout.wiring.web import api_app
from tests.support.builders import NOON
from tests.support.certificates import a_certificate
from tests.support.signing_in import ANA, SECRET, Browser
from tests.unit.conftest import Front


@asynccontextmanager
async def wired(
    tmp_path: Path, tls: ssl.SSLContext | None = None, **changes: Any
) -> AsyncIterator[tuple[Browser, Issuer]]:
    """The API as `rollout serve` has it, with an issuer on this machine."""
    clock, cluster, door = ManualClock(NOON), MemoryCluster.with_kinds(), Front()
    cluster.tokens["t-1"] = User(name="ana")
    issuer = Issuer(people=(ANA,), secret=SECRET, now=lambda: clock.now().timestamp())
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "keys").write_text("k" * 32)
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(serving(issuer, tls))
        url = await stack.enter_async_context(served(door, "127.0.0.1:0"))
        issuer.returns = (f"{url}/login/callback", f"{url}/login")
        said = {
            "api_url": url,
            "login_issuer": at,
            "login_client_id": "rollout",
            "login_client_secret_file": tmp_path / "secret",
            "login_groups_claim": "groups",
            "login_groups_prefix": "id:",
            "session_key_file": tmp_path / "keys",
        }
        settings = Settings.model_validate({**said, **changes})
        api = DirectApi(cluster)
        cache = Cache(api, WATCHED)
        following = asyncio.create_task(cache.run())
        stack.callback(following.cancel)
        door.show(
            api_app(settings, stack, seen(api, cache, KubeRollouts(api, cache), stack, settings.own_namespace, clock))
        )
        yield Browser(url=url), issuer


async def signed_in(browser: Browser, issuer: Issuer) -> str:
    """Where ana is after the whole way."""
    page = await browser.go((await browser.go("/login/issuer?next=/meshmigrations")).place)
    link = page.text.partition('<a href="')[2].partition('"')[0].replace("&amp;", "&")
    back = await browser.go((await browser.go(issuer.url + link)).place.removeprefix(browser.url))
    return back.place


async def test_what_is_set_is_how_people_sign_in(tmp_path: Path) -> None:
    async with wired(tmp_path, session_life="4h") as (browser, issuer):
        place = await signed_in(browser, issuer)

        me = (await browser.go("/api/v1/me")).said
        assert place == "/meshmigrations"
        assert (me["user"], me["groups"]) == (
            f"{issuer.url}#ana",
            ["id:release-managers", "id:system:masters", "system:authenticated"],
        )


async def test_a_client_secret_that_cannot_be_read_is_told_and_can_come_back(tmp_path: Path) -> None:
    async with wired(tmp_path) as (browser, issuer):
        (tmp_path / "secret").unlink()
        without = await signed_in(browser, issuer)
        (tmp_path / "secret").write_text(SECRET)

        assert (without, await signed_in(browser, issuer)) == (
            "/login?error=unavailable&next=%2Fmeshmigrations",
            "/meshmigrations",
        )


async def test_a_wrong_client_secret_signs_nobody_in(tmp_path: Path) -> None:
    async with wired(tmp_path) as (browser, issuer):
        issuer.secret = "another"

        assert (await signed_in(browser, issuer)).startswith("/login?error=refused")


async def test_a_public_client_proves_itself_by_the_verifier_alone(tmp_path: Path) -> None:
    async with wired(tmp_path, login_client_secret_file=None) as (browser, issuer):
        issuer.secret = ""

        assert await signed_in(browser, issuer) == "/meshmigrations"


async def test_an_issuer_that_takes_the_secret_in_the_form_alone_gets_it_there(tmp_path: Path) -> None:
    async with wired(tmp_path) as (browser, issuer):
        issuer.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}

        assert await signed_in(browser, issuer) == "/meshmigrations"


async def test_an_issuer_is_believed_by_the_authority_that_was_named_and_by_no_other(tmp_path: Path) -> None:
    tls = a_certificate(tmp_path)

    async with wired(tmp_path, tls, login_ca_file=tmp_path / "ca.pem") as (browser, _):
        known = await browser.go("/login/issuer")
    async with wired(tmp_path, tls) as (browser, _):
        stranger = await browser.go("/login/issuer")

    assert known.place.startswith("https://127.0.0.1:")
    assert stranger.place == "/login?error=unavailable"


async def test_without_a_key_file_the_log_says_what_that_means(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with wired(tmp_path, session_key_file=None) as (browser, issuer):
            assert await signed_in(browser, issuer) == "/meshmigrations"

    assert [line["why"].partition(":")[0] for line in logs if line["event"] == "session_key_made"] == [
        "no --session-key-file"
    ]


async def test_a_key_file_without_keys_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("short")

    with pytest.raises(OSError, match="key 1 is shorter than 32 characters"):
        async with wired(tmp_path, session_key_file=tmp_path / "none"):
            pass


async def test_tokens_of_the_cluster_are_pasted_where_they_are_taken(tmp_path: Path) -> None:
    async with wired(tmp_path, api_tokens=True) as (browser, _):
        codes = [(await browser.post("/login/token", token=token)).code for token in ("t-1", "t-2")]

        assert (codes, (await browser.go("/api/v1/me")).said["user"]) == ([204, 401], "ana")
