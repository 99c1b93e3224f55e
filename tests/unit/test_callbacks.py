"""What may a pipeline ask for by a callback, and what is it told when it may not?"""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from standardwebhooks import Webhook

from adapters.memory.tokens import MemoryTokens
from rollout.manifest.status import status_to_dict
from rollout.ports.errors import Forbidden, Unreachable
from tests.support.asgi import Answer
from tests.support.builders import NOON, a_rollout_manifest, a_run, a_status
from tests.support.hooked import APPROVE, PREVIOUS, SECRET, Desk, a_callback, a_desk, body_of, signed, stamped
from tests.support.receivers import HOME, receiver_manifest, receiver_secret
from webhooks.callbacks import MOST_BYTES
from webhooks.demands import schema

VERBS = ("approve", "reject", "abort", "promote", "pause", "resume", "override")
ISSUER = {"issuer": "https://issuer.example", "audience": "rollout", "claims": {"repository": "shop/checkout"}}
CLAIMS = {
    "iss": "https://issuer.example",
    "aud": "rollout",
    "sub": "repo:shop",
    "exp": NOON.timestamp() + 300,
    "repository": "shop/checkout",
}
COMMANDS = "/apis/rollout.dev/v1alpha1/namespaces/shop/rolloutcommands"
MIGRATION = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "MeshMigration",
    "metadata": {"name": "to-strict"},
    "spec": {"mesh": {"kind": "istio-sidecar"}, "waves": [{"name": "first", "namespaces": ["shop"]}]},
}


async def asked(desk: Desk, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    body = body_of() if body is None else body
    return await desk.post(desk.path(), body, signed(body) if headers is None else headers)


async def test_a_signed_demand_becomes_a_command_bound_to_what_was_seen() -> None:
    async with a_desk(*a_callback()) as desk:
        answer = await asked(desk, body_of(template="template-v2", reason="tests passed", actor="jane"))

        (command,) = desk.commands()
        assert (answer.code, json.loads(answer.text)) == (202, {"command": command["metadata"]["name"]})
        assert command["metadata"]["namespace"] == "shop"
        assert command["spec"] == {
            "target": {"kind": "Rollout", "name": "checkout"},
            "verb": "approve",
            "run": 1,
            "step": 1,
            "revision": "v2",
            "template": "template-v2",
            "actor": {"user": "ci", "groups": [], "realm": "callback", "vouched": "shop"},
            "channel": "callback",
            "reason": "tests passed; for jane, says the sender",
        }


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
async def test_what_another_implementation_signs_is_believed_by_both_secrets(secret: bytes) -> None:
    body = body_of()
    signature = Webhook(secret.decode()).sign("msg_1", NOON, body.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(NOON.timestamp())), "webhook-signature": signature}

    async with a_desk(*a_callback()) as desk:
        assert (await asked(desk, body, headers)).code == 202


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_plain_hmac_over_time_and_body_is_believed(algorithm: str) -> None:
    body = body_of()

    async with a_desk(*a_callback(proof="hmac")) as desk:
        assert (await asked(desk, body, stamped(body, algorithm=algorithm))).code == 202


@pytest.mark.parametrize(
    ("proof", "headers"),
    [
        ("standard-webhooks", {}),
        ("standard-webhooks", stamped(body_of())),
        ("standard-webhooks", signed(body_of(), secret=b"whsec_Z3Vlc3M=")),
        ("standard-webhooks", signed(body_of(run=2))),
        ("standard-webhooks", {**signed(body_of()), "webhook-id": "msg_2"}),
        ("standard-webhooks", {**signed(body_of()), "webhook-id": ""}),
        ("standard-webhooks", signed(body_of(), delivery="a.b")),
        ("standard-webhooks", signed(body_of(), delivery="a b")),
        ("standard-webhooks", {**signed(body_of()), "webhook-timestamp": "1796040001"}),
        ("standard-webhooks", {**signed(body_of()), "webhook-timestamp": "١٧٩٦٠٤٠٠٠٠".encode().decode("latin-1")}),
        ("standard-webhooks", {**signed(body_of()), "webhook-timestamp": "NaN"}),
        ("standard-webhooks", {**signed(body_of()), "webhook-signature": "v1,"}),
        ("standard-webhooks", {**signed(body_of()), "webhook-signature": "v1a,bm9uc2Vuc2U="}),
        ("standard-webhooks", {**signed(body_of()), "webhook-signature": "v1,bm9uc2Vuc2U= " * 20}),
        ("standard-webhooks", signed(body_of(), NOON - timedelta(minutes=5, seconds=1))),
        ("standard-webhooks", signed(body_of(), NOON + timedelta(minutes=5, seconds=1))),
        ("hmac", {}),
        ("hmac", signed(body_of())),
        ("hmac", stamped(body_of(), algorithm="sha1")),
        ("hmac", stamped(body_of(), secret=b"guess")),
        ("hmac", stamped(body_of(), NOON - timedelta(minutes=6))),
        ("hmac", {**stamped(body_of()), "x-timestamp": "1796040001"}),
        ("hmac", {"x-signature": stamped(body_of())["x-signature"]}),
    ],
)
async def test_whatever_is_wrong_with_a_proof_is_one_answer_without_detail(proof: str, headers: dict[str, str]) -> None:
    async with a_desk(*a_callback(proof=proof)) as desk:
        answer = await asked(desk, headers=headers)

        assert (answer.code, answer.text) == (401, "")
        assert desk.commands() == []


async def test_a_secret_that_is_no_key_lets_nobody_in() -> None:
    body = body_of()

    async with a_desk(a_callback()[0], receiver_secret(secret=b"whsec_%%%")) as desk:
        assert (await asked(desk, body, signed(body, secret=b"whsec_"))).code == 401


@pytest.mark.parametrize("proof", ["standard-webhooks", "hmac"])
async def test_what_came_before_does_not_count_again(proof: str) -> None:
    body = body_of(verb="abort")
    headers = signed(body) if proof == "standard-webhooks" else stamped(body)

    async with a_desk(*a_callback(proof=proof)) as desk:
        codes = [(await asked(desk, body, headers)).code for _ in range(2)]

        assert codes == [202, 401]
        assert len(desk.commands()) == 1


async def test_of_many_at_once_that_are_the_same_one_counts() -> None:
    async with a_desk(*a_callback()) as desk:
        answers = await asyncio.gather(*(asked(desk) for _ in range(20)))

        assert sorted(one.code for one in answers) == [202, *[401] * 19]
        assert len(desk.commands()) == 1


async def test_a_replica_that_has_not_seen_it_records_it_no_second_time() -> None:
    async with a_desk(*a_callback()) as desk:
        await asked(desk)
        desk.forget()

        again = await asked(desk)

        assert again.code == 401
        assert len(desk.commands()) == 1


async def test_a_demand_that_could_not_be_written_may_come_again() -> None:
    async with a_desk(*a_callback()) as desk:
        desk.api.failing = {COMMANDS: Unreachable("down")}
        refused = await asked(desk)
        desk.api.failing = {}

        assert (refused.code, refused.headers["retry-after"]) == (503, "1")
        assert (await asked(desk)).code == 202


async def test_a_cluster_that_does_not_let_us_speak_for_others_is_told_as_it_is() -> None:
    async with a_desk(*a_callback()) as desk:
        desk.api.failing = {COMMANDS: Forbidden("only the service account rollout-controller may vouch")}

        answer = await asked(desk)

        assert answer.code == 403
        assert "may vouch" in answer.text


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"run": 2}, 409, "made for run 2, step 1, v2; now it is run 1, step 1, v2"),
        ({"step": 2}, 409, "made for run 1, step 2, v2; now it is run 1, step 1, v2"),
        ({"revision": "v3"}, 409, "made for run 1, step 1, v3"),
        ({"template": "another"}, 409, "template another; now it is run 1, step 1, v2, template template-v2"),
        ({"verb": "pause"}, 403, "grants pause to nobody; add it to spec.grants"),
        ({"target": {"namespace": "stock", "name": "checkout"}}, 403, "does not reach Rollout stock/checkout"),
        ({"target": {"namespace": "shop", "name": "cart"}}, 404, "there is no Rollout shop/cart"),
        ({"target": {"kind": "MeshMigration", "name": "to-strict"}}, 422, "leave run, step, revision"),
        ({"target": {"kind": "Secret", "namespace": "shop", "name": "x"}}, 422, "target.kind"),
        ({"target": {"name": "checkout"}}, 422, "needs target.namespace"),
        ({"target": "checkout"}, 422, "target"),
        ({"verb": "name-stable"}, 422, "verb"),
        ({"verb": "override"}, 422, "override needs a reason"),
        ({"run": "1"}, 422, "run: Input should be a valid integer"),
        ({"run": True}, 422, "run"),
        ({"run": None}, 422, "which run and revision"),
        ({"revision": None}, 422, "which run and revision"),
        ({"step": None}, 422, "approve says which step"),
        ({"step": -1}, 422, "step"),
        ({"run": 2**40}, 422, "run"),
        ({"reason": "x" * 513}, 422, "reason"),
        ({"reason": "\u001b[2J"}, 422, "reason"),
        ({"subject": "first"}, 422, "has no subject"),
        ({"who": "ana"}, 422, "who: Extra inputs"),
    ],
)
async def test_who_is_proven_is_told_what_is_wrong(changes: dict[str, Any], code: int, says: str) -> None:
    async with a_desk(*a_callback()) as desk:
        answer = await asked(desk, body_of(**changes))

        assert answer.code == code, answer.text
        assert says in answer.text
        assert desk.commands() == []


@pytest.mark.parametrize("proof", ["standard-webhooks", "hmac", "oidc"])
@pytest.mark.parametrize("home", [False, True])
async def test_over_every_proof_verb_and_namespace_only_what_is_granted_is_recorded(proof: str, home: bool) -> None:
    tokens, namespace = MemoryTokens(), HOME if home else "shop"
    spec = a_callback(proof=proof, namespaces=["shop", "stock"], **({"oidc": ISSUER} if proof == "oidc" else {}))
    receiver = {**spec[0], "metadata": {"namespace": namespace, "name": "ci"}}
    others = [running_in("stock"), running_in("pay")]
    recorded = set()

    async with a_desk(receiver, receiver_secret(namespace=namespace, secret=SECRET), *others, tokens=tokens) as desk:
        for number, (verb, place) in enumerate(product(VERBS, ("shop", "stock", "pay"))):
            body = body_of(verb=verb, target={"namespace": place, "name": "checkout"}, reason="why")
            bearer = tokens.issue({**CLAIMS, "jti": str(number)})
            headers = {**signed(body, delivery=f"msg_{number}"), **stamped(body), "authorization": f"Bearer {bearer}"}
            answer = await desk.post(desk.path(namespace=namespace), body, headers)
            assert answer.code in (202, 403), answer.text
            if answer.code == 202:
                recorded.add((verb, place))

        assert recorded == set(product(("approve", "abort"), ("shop", "stock") if home else ("shop",)))
        assert len(desk.commands()) == len(recorded)


def running_in(namespace: str) -> dict[str, Any]:
    """checkout of another namespace, in the same run."""
    return {**a_rollout_manifest(namespace=namespace), "status": status_to_dict(a_status(run=a_run()))}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe{}", b"[" * 100_000, b'{"run": 1e400}', b"null", b"\x00"])
async def test_a_body_that_is_no_demand_is_refused(body: bytes) -> None:
    async with a_desk(*a_callback()) as desk:
        assert (await asked(desk, body)).code == 422


async def test_what_was_sent_is_not_sent_back() -> None:
    async with a_desk(*a_callback()) as desk:
        answer = await asked(desk, body_of(verb="<script>alert(1)</script>"))

        assert "script" not in answer.text


async def test_a_body_may_be_no_longer_than_a_demand_is() -> None:
    async with a_desk(*a_callback()) as desk:
        assert (await asked(desk, b"x" * (MOST_BYTES + 1))).code == 413


async def test_a_demand_without_a_run_in_hand_is_over() -> None:
    async with a_desk(*a_callback()) as desk:
        desk.cluster.seed(a_rollout_manifest("idle"))
        await desk.cache.refresh()

        answer = await asked(desk, body_of(target={"namespace": "shop", "name": "idle"}))

        assert (answer.code, "no run is in hand" in answer.text) == (409, True)


async def test_a_receiver_of_the_controllers_namespace_speaks_for_a_wave() -> None:
    home = receiver_manifest(namespace=HOME), receiver_secret(namespace=HOME, secret=SECRET)
    body = json.dumps(
        {"target": {"kind": "MeshMigration", "name": "to-strict"}, "verb": "approve", "subject": "first"}
    ).encode()

    async with a_desk(*home, MIGRATION) as desk:
        answer = await desk.post(desk.path(namespace=HOME), body, signed(body))

        (command,) = desk.commands()
        assert answer.code == 202
        assert command["metadata"]["namespace"] == HOME
        assert (command["spec"]["target"]["kind"], command["spec"]["subject"]) == ("MeshMigration", "first")


async def test_a_wave_is_not_steered_from_anywhere_else() -> None:
    body = json.dumps({"target": {"kind": "MeshMigration", "name": "to-strict"}, "verb": "approve"}).encode()

    async with a_desk(*a_callback(), MIGRATION) as desk:
        answer = await asked(desk, body)

        assert answer.code == 403
        assert f"no MeshMigration; use one in {HOME}" in answer.text


async def test_a_receiver_at_home_says_that_a_migration_is_not_there() -> None:
    home = receiver_manifest(namespace=HOME), receiver_secret(namespace=HOME, secret=SECRET)
    body = json.dumps({"target": {"kind": "MeshMigration", "name": "to-strict"}, "verb": "abort"}).encode()

    async with a_desk(*home) as desk:
        answer = await desk.post(desk.path(namespace=HOME), body, signed(body))

        assert answer.code == 404


def test_every_field_of_the_example_is_in_the_schema() -> None:
    properties = schema()["requestBody"]["content"]["application/json"]["schema"]["properties"]

    assert APPROVE.keys() <= properties.keys()
