"""Does the API do what its OpenAPI document says, whatever is sent?"""

from typing import Any

import schemathesis
from hypothesis import settings

from rollout.model.names import Key
from tests.support.web import a_front, may

KEY = Key(namespace="shop", name="checkout")
RIGHTS = may("ana", "list", namespace="") | may("ana", "abort", "approve", "pause", name="checkout")
HERE = a_front(KEY, rights=RIGHTS | may("ana", "list", namespace="", kind="MeshMigration"))
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
