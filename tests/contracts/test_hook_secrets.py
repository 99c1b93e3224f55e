"""What is in a Secret that signs webhooks, and what is said of one that does not?"""

import base64
from dataclasses import dataclass

import pytest

from adapters.kube.cache import Cache
from adapters.kube.hook_secrets import KubeHookSecrets
from adapters.kube.kinds import KINDS
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import NotFound, Rejected


@dataclass(frozen=True, slots=True)
class Case:
    """A cluster with a Secret, or without one."""

    secrets: KubeHookSecrets


def a_case(**data: str) -> Case:
    """The Secret shop/hook with this data; without data there is none."""
    cluster = MemoryCluster()
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    if data:
        meta = {"name": "hook", "namespace": "shop"}
        cluster.seed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
    api = DirectApi(cluster)
    return Case(KubeHookSecrets(api, Cache(api, [KINDS["Rollout"]])))


def coded(text: str) -> str:
    """As a Secret has it."""
    return base64.b64encode(text.encode()).decode()


async def test_the_newest_secret_signs_first_and_the_one_before_it_too() -> None:
    case = a_case(previous=coded("whsec_b2xk"), secret=coded("whsec_bmV3"), other=coded("x"))

    assert await case.secrets.signing("shop", "hook") == ("whsec_bmV3", "whsec_b2xk")


async def test_a_secret_that_is_not_there_is_named_with_what_to_do() -> None:
    with pytest.raises(NotFound, match=r"Secret shop/hook is not there \(spec.webhooks\[\].secretRef\); create it"):
        await a_case().secrets.signing("shop", "hook")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"previous": coded("whsec_b2xk")}, "has no key secret"),
        ({"secret": "!"}, "secret is not text"),
        ({"secret": base64.b64encode(b"\xff\xfe").decode()}, "secret is not text"),
    ],
)
async def test_a_secret_that_cannot_sign_says_why_and_no_more(data: dict[str, str], says: str) -> None:
    with pytest.raises(Rejected, match=says):
        await a_case(**data).secrets.signing("shop", "hook")
