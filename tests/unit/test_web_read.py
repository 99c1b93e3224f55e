"""Can liveness, readiness, numbers and Rollouts be read over HTTP, and nothing be changed?"""

from dataclasses import dataclass

import aiohttp
import pytest
from fastapi import FastAPI

from rollout.model.names import Key
from rollout.model.rollout import RouteRef
from rollout.model.status import RolloutStatus
from rollout.ports.rollouts import Stored
from rollout.web.api import api
from rollout.web.listen import served
from rollout.web.numbers import Numbers
from rollout.web.probes import probes
from tests.support.builders import CHECKOUT, a_run, a_spec, a_status


@dataclass
class One:
    """A single Rollout at 5 %."""

    def get(self, key: Key) -> Stored | None:
        """It, or nothing."""
        if key != CHECKOUT:
            return None
        return Stored(key=key, uid="u", version="1", generation=1, spec=a_spec(), status=a_status(run=a_run()))

    def keys(self) -> tuple[Key, ...]:
        """Its key."""
        return (CHECKOUT,)

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """Never asked."""
        raise AssertionError(f"{namespace}/{route}: nobody asks for rivals")

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """Never asked."""
        raise AssertionError(f"{stored.key} {status.phase}: reading writes nothing")

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """Never asked."""
        raise AssertionError(f"{stored.key} {present}: reading writes nothing")


async def asked(app: FastAPI, path: str, method: str = "GET") -> tuple[int, str]:
    """Status code and body of one request."""
    async with (
        served(app, "127.0.0.1:0") as url,
        aiohttp.ClientSession() as session,
        session.request(method, url + path) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize(("is_ready", "code"), [(True, 200), (False, 503)])
async def test_ready_once_everything_was_listed(is_ready: bool, code: int) -> None:
    app = probes(lambda: is_ready, lambda: b"")

    assert (await asked(app, "/readyz"))[0] == code
    assert (await asked(app, "/healthz"))[0] == 200


async def test_phase_and_weight_of_every_rollout_are_numbers_of_our_own_prefix() -> None:
    numbers = Numbers(One(), lambda: {("patch", "rollouts/status"): 3})
    app = probes(lambda: True, lambda: numbers.page(leads=True, waiting=0))

    _, page = await asked(app, "/metrics")

    assert 'rolloutctl_weight{name="checkout",namespace="shop"} 5.0' in page
    assert 'rolloutctl_phase{name="checkout",namespace="shop",phase="Progressing"} 1.0' in page
    assert 'rolloutctl_api_requests_total{resource="rollouts/status",verb="patch"} 3.0' in page
    assert all(line.startswith(("#", "rolloutctl_")) for line in page.splitlines())


async def test_one_rollout_is_shown_with_its_status() -> None:
    code, body = await asked(api(One()), "/api/v1/rollouts/shop/checkout")

    assert code == 200
    assert '"phase":"Progressing"' in body


async def test_a_rollout_that_is_not_there_is_not_found() -> None:
    code, body = await asked(api(One()), "/api/v1/rollouts/shop/nothing")

    assert code == 404
    assert "shop/nothing" in body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_changed_over_http(method: str) -> None:
    code, _ = await asked(api(One()), "/api/v1/rollouts/shop/checkout", method)

    assert code == 405
