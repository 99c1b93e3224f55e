"""Does a cluster, with the rights and the admission policy that are shipped, take what people ask for who have signed in?"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from rollout.demo.issuer import Issuer, Person, serving
from rollout.wiring.shipped import NAMESPACE
from tests.servers.actors import a_command, is_refused
from tests.servers.apiserver import ApiServer
from tests.servers.controller import Controller, rollout
from tests.servers.missing import obtained
from tests.servers.process import eventually, free_port
from tests.servers.rights import account_config
from tests.servers.test_install import is_served
from tests.support.builders import a_rollout_manifest
from tests.support.signing_in import Browser

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("login")]

PATIENCE_S = 60.0
PLACE = "till"
ANA = Person(sub="1", name="Ana", email="ana@shop.example", groups=("till-editors",))
COMMANDS = f"/api/v1/rollouts/{PLACE}/checkout/commands"
RECORDED = f"/apis/rollout.dev/v1alpha1/namespaces/{PLACE}/rolloutcommands"
ACCOUNT = f"/api/v1/namespaces/{PLACE}/serviceaccounts/cart"
RBAC = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """`rollout install` ran; the group till-editors and the service account cart may edit in till."""
    server = ApiServer(tmp_path_factory.mktemp("login"))
    try:
        obtained(server.start)
        installed = rollout("install", kubeconfig=server.kubeconfig(), namespace=NAMESPACE)
        assert installed.returncode == 0, installed.stderr
        assert eventually(lambda: is_served(server), PATIENCE_S)
        kube = server.client()
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}})
        kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": PLACE}})
        kube.apply(editors(), a_rollout_manifest(namespace=PLACE))
        assert eventually(lambda: is_refused(server, "admin", a_command("nobody")), PATIENCE_S)
        yield server
    finally:
        server.stop()


def editors() -> dict[str, Any]:
    """Who may edit in till."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "editors", "namespace": PLACE},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "rollout-edit"},
        "subjects": [
            {"kind": "Group", "name": "till-editors", "apiGroup": RBAC},
            {"kind": "ServiceAccount", "name": "cart", "namespace": PLACE},
        ],
    }


@asynccontextmanager
async def served(server: ApiServer, directory: Path) -> AsyncIterator[tuple[Browser, Issuer]]:
    """`rollout serve` by the controller's own account, at which ana signs in at an issuer, or anybody by a token."""
    at = f"127.0.0.1:{free_port()}"
    issuer = Issuer(people=(ANA,), returns=(f"http://{at}/login/callback",))
    (directory / "keys").write_text("k" * 32)
    async with serving(issuer) as url:
        controller = Controller(
            directory,
            account_config(server, directory),
            own_namespace=NAMESPACE,
            api_listen=at,
            api_tokens="yes",
            api_url=f"http://{at}",
            login_issuer=url,
            login_client_id="rollout",
            login_username_claim="email",
            login_groups_claim="groups",
            session_key_file=str(directory / "keys"),
        )
        controller.start()
        try:
            yield Browser(url=f"http://{at}"), issuer
        finally:
            controller.kill()


async def test_who_signed_in_at_the_issuer_asks_in_his_own_name_and_for_no_more_than_he_may(
    server: ApiServer, tmp_path: Path
) -> None:
    async with served(server, tmp_path) as (browser, _):
        page = await browser.go((await browser.go("/login/issuer")).place)
        issuer_url = (await browser.go("/api/v1/login")).said["issuer"]
        link = page.text.partition('<a href="')[2].partition('"')[0].replace("&amp;", "&")
        back = await browser.go(issuer_url + link)
        await browser.go(back.place.removeprefix(browser.url))

        asked = await browser.post(COMMANDS, verb="retry")
        refused = await browser.post(COMMANDS, verb="approve", run=0, step=0, revision="v2")

        command = server.client().get(f"{RECORDED}/{asked.said['command']}")
        assert (asked.code, refused.code, "no right to approve" in refused.text) == (202, 403, True)
        assert command["spec"]["channel"] == "dashboard"
        assert command["spec"]["actor"] == {
            "user": "ana@shop.example",
            "groups": ["till-editors", "system:authenticated"],
            "email": "ana@shop.example",
            "proven": f"issuer {issuer_url}",
        }


async def test_a_session_by_a_token_is_its_users_and_ends_when_the_account_is_gone(
    server: ApiServer, tmp_path: Path
) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = server.client().request("POST", f"{ACCOUNT}/token", body)["status"]["token"]
    async with served(server, tmp_path) as (browser, _):
        signed_in = await browser.post("/login/token", token=token)
        asked = await browser.post(COMMANDS, verb="retry")
        command = server.client().get(f"{RECORDED}/{asked.said['command']}")
        server.client().delete(ACCOUNT)

        assert (signed_in.code, asked.code) == (204, 202)
        assert command["spec"]["actor"]["user"] == f"system:serviceaccount:{PLACE}:cart"
        assert command["spec"]["actor"]["proven"] == "token"
        assert await asyncio.to_thread(eventually, lambda: is_out(browser), PATIENCE_S, 0.5)


def is_out(browser: Browser) -> bool:
    """Whether the browser's session has ended."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    try:
        with urlopen(Request(f"{browser.url}/api/v1/me", headers={"Cookie": cookies}), timeout=5):
            return False
    except HTTPError as error:
        return error.code == 401
