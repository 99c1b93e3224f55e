"""Are pictures of the dashboard the same whenever they are taken, so that a changed one is a changed page?"""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.pictures import PICTURES, Picture, a_scene, take

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]
ONE_OF_EACH = [picture for picture in PICTURES if picture.colours == "light"]


@pytest.mark.parametrize("picture", ONE_OF_EACH, ids=lambda picture: picture.file)
async def test_a_picture_is_the_same_whenever_it_is_taken(browser: Browser, tmp_path: Path, picture: Picture) -> None:
    taken = []
    for _ in range(2):
        async with a_scene() as scene:
            taken.append((await take(browser, scene, picture, tmp_path)).read_bytes())

    assert taken[0] == taken[1]
