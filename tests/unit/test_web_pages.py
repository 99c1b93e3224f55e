"""Is the dashboard served whole, from the package alone, and nothing else with it?"""

import json
import re
from pathlib import Path

import pytest

from rollout.model.names import Key
from rollout.web.pages import ROUTES, assets
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

APP = a_front(Key(namespace="shop", name="checkout"), hosts=("127.0.0.1",)).app()
ADDRESSES = [route.replace("{namespace}", "shop").replace("{name}", "checkout") for route in ROUTES]


@pytest.mark.parametrize("path", ADDRESSES)
async def test_every_address_of_the_dashboard_answers_with_its_page_to_anybody(front: Front, path: str) -> None:
    code, text = await front.ask(APP, path)

    assert (code, text) == (200, assets()["index.html"].body.decode())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_is_sent_as_what_it_is(front: Front, name: str, kind: str) -> None:
    headers = await front.headers(APP, f"/static/{name}", {})

    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == (kind, "nosniff")
    assert int(headers["Content-Length"]) == len(assets()[name].body)


@pytest.mark.parametrize("path", ["/", "/static/main.js"])
async def test_a_browser_lets_the_page_load_and_run_nothing_of_other_origins(front: Front, path: str) -> None:
    headers = await front.headers(APP, path, {})

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert (headers["Cross-Origin-Opener-Policy"], headers["Referrer-Policy"]) == ("same-origin", "no-referrer")


@pytest.mark.parametrize("path", ["/", "/static/main.js"])
async def test_what_a_browser_has_is_asked_for_each_time_and_not_sent_again(front: Front, path: str) -> None:
    headers = await front.headers(APP, path, {})

    codes = [
        (await front.ask(APP, path, headers={"If-None-Match": known}))[0]
        for known in (headers["ETag"], f'W/{headers["ETag"]}, "x"', '"x"')
    ]

    assert (headers["Cache-Control"], codes) == ("no-cache", [304, 304, 200])


@pytest.mark.parametrize("path", ["/", "/static/main.js"])
async def test_asking_for_the_headers_alone_sends_no_body(front: Front, path: str) -> None:
    code, text = await front.ask(APP, path, "HEAD")

    assert (code, text) == (200, "")


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.js",
        "/static/",
        "/static/index.html",
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
        "/static/..%2fpages.py",
        "/static/%2e%2e%2f%2e%2e%2fsettings.py",
        "/static//etc/passwd",
        "/static/main.js%00.css",
        "/nothing",
        "/rollouts/shop",
        "/rollouts/shop/checkout/more",
        "/meshmigrations/a/b",
    ],
)
async def test_what_is_not_there_is_not_found_and_is_no_page(front: Front, path: str) -> None:
    code, text = await front.ask(APP, path)

    assert (code, "<html" in text, "import" in text) == (404, False, False)


@pytest.mark.parametrize(
    ("path", "is_page"),
    [("/nothing", True), ("/rollouts/shop", True), ("/static/nothing.js", False), ("/api/v1/nothing", False)],
)
async def test_a_person_who_is_lost_gets_a_page_that_says_so_and_a_program_does_not(
    front: Front, path: str, is_page: bool
) -> None:
    headers = {"Accept": "text/html,*/*;q=0.8", "Authorization": "Bearer ana"}
    app = a_front(rights=may("ana", "list")).app()

    code, text = await front.ask(app, path, headers=headers)

    assert (code, "<html" in text) == (404, is_page)


@pytest.mark.parametrize("path", ["/", "/static/main.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_sent_to_a_page(front: Front, path: str, method: str) -> None:
    assert (await front.ask(APP, path, method, b"x", {"X-Rollout-Request": "1"}))[0] == 405


async def test_a_name_that_was_made_to_point_here_gets_no_page_either(front: Front) -> None:
    assert (await front.ask(APP, "/", headers={"Host": "rebound.example"}))[0] == 421


async def test_everything_that_a_page_names_is_served(front: Front) -> None:
    texts = {name: asset.body.decode() for name, asset in assets().items()}
    named = {name for text in texts.values() for name in re.findall(r"""["'](?:/static|\.)/([\w.-]+)["']""", text)}

    codes = {name: (await front.ask(APP, f"/static/{name}"))[0] for name in sorted(named)}

    assert {name for name, code in codes.items() if code != 200} == set()
    assert named | {"index.html"} == set(texts)


async def test_files_that_no_browser_needs_are_not_served(tmp_path: Path) -> None:
    for name in ("page.js", "notes.md", ".js.swp"):
        (tmp_path / name).write_text("x")

    assert set(assets(tmp_path)) == {"page.js"}


async def test_the_pages_are_no_part_of_the_api_document(front: Front) -> None:
    _, text = await front.ask(APP, "/openapi.json")

    assert not {*ROUTES, "/static/{name}"} & set(json.loads(text)["paths"])
