"""Do the settings reach what moves namespaces into a mesh?"""

from contextlib import AsyncExitStack

from adapters.memory.notices import KeptNotices
from rollout.model.telemetry import Asked, MeshQuestion
from rollout.settings import Settings
from rollout.wiring.migrating import moving_by
from tests.support.builders import NOON
from tests.support.metrics_server import metrics_server

REFUSED = MeshQuestion(asked=Asked.REFUSED, namespace="shop")


async def asked(settings: Settings) -> str:
    """How it is asked who was refused."""
    async with AsyncExitStack() as stack:
        moving = moving_by(settings, stack, KeptNotices(), lambda: True)
        return (await moving.metrics.ask(REFUSED, NOON)).query


async def test_refusals_are_counted_at_the_listeners_that_the_setting_names() -> None:
    async with metrics_server() as server:
        default = await asked(Settings.model_validate({"prometheus_url": server.url}))
        other = await asked(Settings.model_validate({"prometheus_url": server.url, "mesh_inbound": ".*_8080"}))

    assert 'listener_address=~".*_15006"' in default
    assert other == default.replace(".*_15006", ".*_8080")


async def test_without_a_metrics_server_it_is_said_how_to_name_one() -> None:
    async with AsyncExitStack() as stack:
        moving = moving_by(Settings(), stack, KeptNotices(), lambda: True)
        answer = await moving.metrics.ask(REFUSED, NOON)

    assert (answer.series, "--prometheus-url" in answer.problem) == (None, True)
