"""What do Secrets of a GitSource mean, and which make no sense?"""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.kube.secrets import KubeSourceSecrets, credentials_in, trusted_in
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.model.names import Key
from rollout.model.source import Forge, ForgeKind, GitSource
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.sources import Credentials, TrustedKeys

PLACE = "Secret shop/x"
REAL = pytest.param("real", marks=pytest.mark.server)


def data_of(**texts: str) -> dict[str, str]:
    """`data` of a Secret; `ca_crt` stands for ca.crt."""
    return {name.replace("_crt", ".crt"): base64.b64encode(text.encode()).decode() for name, text in texts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An API server and a namespace of it."""

    api: KubeApi
    secrets: KubeSourceSecrets
    source: GitSource

    async def secret(self, name: str, data: dict[str, str]) -> None:
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        await self.api.create(f"/api/v1/namespaces/{self.source.key.namespace}/secrets", body)


@pytest.fixture(params=["memory", REAL])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        namespace, api = "shop", None
        if request.param == "real":
            namespace = request.getfixturevalue("namespace")
            api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
            stack.push_async_callback(api.close)
        cluster = MemoryCluster()
        cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        server: KubeApi = api or DirectApi(cluster)
        source = GitSource(
            key=Key(namespace=namespace, name="apps"), url="https://git.example.org/a.git", secret="login"
        )
        secrets = KubeSourceSecrets(server, Cache(server, [KINDS["GitSource"]]))
        yield Case(api=server, secrets=secrets, source=source)


async def test_a_source_without_a_secret_is_nobody(case: Case) -> None:
    assert await case.secrets.credentials(replace(case.source, secret="")) == Credentials()


async def test_credentials_are_read_by_name_and_anew_each_time(case: Case) -> None:
    await case.secret("login", data_of(username="ana", password="hunter2"))

    assert await case.secrets.credentials(case.source) == Credentials(username="ana", password="hunter2")


async def test_trusted_keys_are_read_from_the_secret_that_verify_names(case: Case) -> None:
    await case.secret("keys", {"ana.sshpub": data_of(a="ssh-ed25519 AAAA ana\n")["a"]})

    assert await case.secrets.trusted_keys(replace(case.source, verify="keys")) == TrustedKeys(
        ssh=("ssh-ed25519 AAAA ana",)
    )


async def test_a_forges_token_is_read_from_the_secret_that_it_names(case: Case) -> None:
    await case.secret("forge", data_of(token="t0ken\n"))
    forge = Forge(kind=ForgeKind.GITHUB, secret="forge")

    assert await case.secrets.forge_token(replace(case.source, forge=forge)) == "t0ken"
    assert await case.secrets.forge_token(case.source) == ""


async def test_a_forges_secret_without_a_token_is_rejected(case: Case) -> None:
    await case.secret("forge", data_of(password="t0ken"))
    forge = Forge(kind=ForgeKind.GITHUB, secret="forge")

    with pytest.raises(Rejected, match="has no key token"):
        await case.secrets.forge_token(replace(case.source, forge=forge))


async def test_a_secret_that_is_not_there_is_named_with_the_field_that_names_it(case: Case) -> None:
    with pytest.raises(NotFound, match=r"login is not there \(spec.secretRef of GitSource .*create it"):
        await case.secrets.credentials(case.source)
    with pytest.raises(NotFound, match=r"keys is not there \(spec.verify.secretRef of"):
        await case.secrets.trusted_keys(replace(case.source, verify="keys"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "none of the keys"),
        (data_of(token="x"), "none of the keys"),
        (data_of(username="ana"), "without a password"),
        (data_of(username="a:b", password="hunter2"), "':' in username"),
        (
            data_of(username="ana", password="hunter2", bearerToken="y"),
            "bearerToken and password and username; keep one",
        ),
        (data_of(identity="hunter2", known_hosts="h", password="hunter2"), "keep one way"),
        (data_of(identity="hunter2"), "identity without known_hosts"),
        (data_of(known_hosts="hunter2"), "known_hosts without identity"),
        (data_of(identity="hunter2", known_hosts="h", ca_crt="hunter2"), "ssh uses neither"),
        (data_of(identity="hunter2", known_hosts="h", proxy="hunter2"), "ssh uses neither"),
        ({"password": "%%%"}, "password is not text"),
    ],
)
def test_a_secret_that_makes_no_credentials_is_rejected_by_its_keys_alone(data: dict[str, str], problem: str) -> None:
    with pytest.raises(Rejected, match=f"{PLACE}.*{problem}") as refusal:
        credentials_in(PLACE, data)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("data", "credentials"),
    [
        (data_of(bearerToken="abc\n"), Credentials(bearer="abc")),
        (data_of(password="t0ken"), Credentials(password="t0ken")),
        (data_of(identity="key\n", known_hosts="host\n"), Credentials(ssh_key="key\n", known_hosts="host\n")),
        (data_of(ca_crt="pem", proxy="http://p:3128\n"), Credentials(ca_bundle="pem", proxy="http://p:3128")),
    ],
)
def test_a_secret_means(data: dict[str, str], credentials: Credentials) -> None:
    assert credentials_in(PLACE, data) == credentials


def test_every_key_of_each_sort_is_trusted_and_comments_are_none() -> None:
    texts = {"b.sshpub": "# team\nssh-b\n\nssh-c\n", "a.sshpub": "ssh-a", "ana.asc": "-----BEGIN", "readme": "x"}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}

    assert trusted_in(PLACE, data) == TrustedKeys(ssh=("ssh-a", "ssh-b", "ssh-c"), gpg=("-----BEGIN",))


def test_a_secret_without_a_public_key_is_rejected() -> None:
    with pytest.raises(Rejected, match=f"{PLACE} has no public key"):
        trusted_in(PLACE, data_of(password="x"))
