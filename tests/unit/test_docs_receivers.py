"""Does what docs/receivers.md shows work as it stands there?"""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.manifest.parse import parse_receiver
from rollout.model.receiver import Receiver
from rollout.web.listen import served
from tests.repo.test_docs import blocks
from tests.support.hooked import SECRET, Desk, a_callback, a_desk
from webhooks.demands import demanded

PAGE = Path(__file__).parents[2] / "docs" / "receivers.md"
MANIFESTS = [yaml.safe_load(text) for language, text in blocks(PAGE) if language == "yaml"]


def script() -> str:
    """The lines that sign with openssl and send with curl."""
    (found,) = [text for language, text in blocks(PAGE) if language == "sh" and "openssl" in text]
    return found


async def run(desk: Desk, secret: str) -> tuple[int, str]:
    """Exit code and output of these lines against the desk."""
    async with served(desk.app, "127.0.0.1:0") as url:
        env = {"PATH": os.environ["PATH"], "URL": url + desk.path(), "SECRET": secret}
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", script(), env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: str(one["metadata"]["name"]))
def test_every_manifest_is_a_receiver(manifest: dict[str, Any]) -> None:
    assert isinstance(parse_receiver(manifest), Receiver)


def test_the_body_that_is_shown_is_a_demand() -> None:
    (body,) = [text for language, text in blocks(PAGE) if language == "json"]

    assert demanded(body.encode(), "rollout-system", "").reason == "smoke tests passed"


async def test_curl_and_openssl_send_what_is_believed() -> None:
    async with a_desk(*a_callback(proof="hmac"), at=datetime.now(UTC)) as desk:
        code, output = await run(desk, SECRET.decode())

        (command,) = desk.commands()
        assert (code, json.loads(output)) == (0, {"command": command["metadata"]["name"]})


async def test_with_another_secret_they_fail() -> None:
    async with a_desk(*a_callback(proof="hmac"), at=datetime.now(UTC)) as desk:
        code, output = await run(desk, "guess")

        assert (code, output) == (22, "")
