"""Is a GitSource's commit let go on over HTTP only by whoever may, and only the one that waits?"""

import json

import pytest

from rollout.model.names import Key
from tests.support.web import Front as Made
from tests.support.web import a_front, may
from tests.unit.conftest import Front

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOURCE = Key(namespace="shop", name="apps")
WAITING = "c0ffee" * 6
RIGHTS = may("ana", "confirm", name="apps", kind="GitSource") | may("bo", "list")


def here(waiting: str = WAITING) -> Made:
    """The API over a GitSource of which this commit waits."""
    return a_front(rights=RIGHTS, waiting={SOURCE: waiting})


async def ordered(front: Front, made: Made, user: str = "ana", name: str = "apps", **said: str) -> tuple[int, str]:
    """What is answered to an order for a source in shop."""
    headers = {"Authorization": f"Bearer {user}", "X-Rollout-Request": "1", "Content-Type": "application/json"}
    body = json.dumps({"verb": "confirm", "commit": WAITING, **said}).encode()
    return await front.ask(made.app(), f"/api/v1/gitsources/shop/{name}/commands", "POST", body, headers)


async def test_the_commit_that_waits_is_confirmed_in_the_callers_name(front: Front) -> None:
    made = here()
    code, _ = await ordered(front, made, reason="it is meant")

    (written,) = made.written.objects
    spec = written["spec"]
    assert (code, written["metadata"]["namespace"]) == (202, "shop")
    assert (spec["target"], spec["verb"], spec["revision"]) == (
        {"kind": "GitSource", "name": "apps"},
        "confirm",
        WAITING,
    )
    assert (spec["actor"]["user"], spec["channel"], spec["reason"]) == ("ana", "dashboard", "it is meant")


@pytest.mark.parametrize(
    ("waiting", "said"), [("beef" * 10, f"now commit {'beef' * 10} waits"), ("", "no commit waits")]
)
async def test_a_commit_that_does_not_wait_is_not_confirmed(front: Front, waiting: str, said: str) -> None:
    made = here(waiting)

    code, answer = await ordered(front, made)

    assert (code, said in answer, made.written.objects) == (409, True, [])


async def test_whoever_may_not_confirm_does_not_learn_what_is_there(front: Front) -> None:
    made = here()

    codes = [(await ordered(front, made, user="bo", name=name))[0] for name in ("apps", "nothing")]

    assert (codes, made.written.objects) == ([403, 403], [])


async def test_a_source_that_is_not_there_and_another_verb_are_refused(front: Front) -> None:
    made = a_front(rights=RIGHTS)

    codes = [(await ordered(front, made))[0], (await ordered(front, made, verb="abort"))[0]]

    assert (codes, made.written.objects) == ([404, 422], [])
