"""Does the API do what its OpenAPI document says, whatever is sent?"""

from dataclasses import replace
from typing import Any

import schemathesis
from hypothesis import settings

from adapters.kube.cache import Cache
from adapters.kube.kinds import WATCHED
from adapters.memory.cluster import DirectApi
from rollout.model.migration import NamespaceStatus
from rollout.model.names import Key
from rollout.wiring.telling import moves
from tests.support.mesh_reads import a_moving
from tests.support.receivers import HOME
from tests.support.web import a_front, a_migration, may

KEY = Key(namespace="shop", name="checkout")
RIGHTS = may("ana", "list", namespace="") | may("ana", "abort", "approve", "pause", name="checkout")
RIGHTS |= may("ana", "list", namespace="", kind="MeshMigration") | may(
    "ana", "list", namespace=HOME, kind="RolloutCommand"
)
HERE = a_front(KEY, rights=RIGHTS)
MOVED = replace(a_migration(), spec=a_moving(NamespaceStatus(name="shop")).spec)  # with a wave that has shop
LOOKS = moves(DirectApi(HERE.cluster), Cache(DirectApi(HERE.cluster), WATCHED), HERE.clock, HOME)
HERE.moves = replace(LOOKS, stored=lambda: (MOVED,))
DOCUMENT = schemathesis.openapi.from_asgi("/openapi.json", HERE.app()).exclude(path="/api/v1/changes")  # without end
BY_ANA = {"Authorization": "Bearer ana", "X-Rollout-Request": "1"}


@DOCUMENT.parametrize()
@settings(max_examples=25)
def test_every_answer_is_one_that_the_document_has(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(headers=BY_ANA)


@DOCUMENT.include(path_regex="^/api/v1/rollouts/.*/").exclude(path_regex="commands").parametrize()
@settings(max_examples=5)
def test_every_account_of_a_rollout_that_is_there_is_as_the_document_has_it(case: "schemathesis.Case[Any]") -> None:
    case.path_parameters = {"namespace": KEY.namespace, "name": KEY.name}

    answer = case.call_and_validate(headers=BY_ANA)

    assert answer.status_code in (200, 401, 405)


@DOCUMENT.include(path_regex="^/api/v1/meshmigrations/.*/").exclude(path_regex="commands|preflight").parametrize()
@settings(max_examples=5)
def test_every_account_of_a_migration_that_is_there_is_as_the_document_has_it(case: "schemathesis.Case[Any]") -> None:
    case.path_parameters = {"name": MOVED.name} | ({"namespace": "shop"} if "{namespace}" in case.path else {})

    answer = case.call_and_validate(headers=BY_ANA)

    assert answer.status_code in (200, 401, 405)
