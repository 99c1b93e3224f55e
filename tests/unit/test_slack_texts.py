"""What does Slack show of a Rollout, and can what stands in git or Kubernetes say anything there in our name?"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.verdict import Verdict
from rollout.demo.slack_blocks import problems
from rollout.model.commands import Verb
from rollout.model.deeds import Approval
from rollout.model.names import Key
from rollout.model.rollout import Mode
from rollout.model.status import Outcome, Past, Phase, Reason, RolloutStatus
from rollout.ports.people import Card
from rollout.services.ordering import Binding
from rollout.services.slack_markup import escaped
from rollout.services.slack_texts import Press, asked, bound, card, listed, offered, value, why
from tests.support.builders import CHECKOUT, NOON, a_deed, a_full_status, a_run, a_status, a_verdict
from tests.support.notice_world import a_past
from tests.support.slack_knocks import form, payload, waiting
from webhooks.slack_payloads import Pressed, read

PING = "<!channel> <@U1> <https://evil.example|approve> &lt;!here&gt; *bold*\nApproved by ana\u202e"


def texts(blocks: object) -> Iterator[str]:
    """Every `text` in blocks that people read."""
    match blocks:
        case Mapping():
            if blocks.get("type") in ("mrkdwn", "plain_text"):
                yield str(blocks["text"])
            for one in blocks.values():
                yield from texts(one)
        case list() | tuple():
            for one in blocks:
                yield from texts(one)
        case _:
            return


def buttons(found: Card) -> dict[str, Mapping[str, Any]]:
    """The buttons of a card by their action_id."""
    return {one["action_id"]: one for block in found.blocks if block["type"] == "actions" for one in block["elements"]}


def refused(found: Card) -> list[str]:
    """What Slack would not take."""
    return list(problems(json.loads(json.dumps(found.blocks))))


def test_a_card_says_how_far_it_is_what_the_verdicts_are_and_what_holds() -> None:
    status = replace(waiting(), verdicts=(a_verdict(),))

    said = list(texts(card(CHECKOUT, status).blocks))

    assert said[:4] == [
        "shop/checkout: v1 → v2",
        "*Progressing*  run 1, step 1 of 2\n`█░░░░░░░░░░░░░░░░░░░` 5 % to v2",
        ":white_check_mark: errors: errors 0.4% of at most 1%",
        ":hourglass_flowing_sand: *AwaitingApproval* waiting for 1 approval of v2 by release-managers (step 1)",
    ]


def test_the_text_for_notifications_says_it_in_one_line() -> None:
    assert card(CHECKOUT, waiting()).text == "shop/checkout: v1 → v2: Progressing, step 1 of 2, 5 %"


def test_a_gate_has_buttons_and_each_dialog_names_revision_and_effect() -> None:
    found = buttons(card(CHECKOUT, waiting()))

    assert list(found) == ["rollout.approve", "rollout.reject", "rollout.abort", "rollout.why"]
    approve = found["rollout.approve"]["confirm"]
    assert approve["title"]["text"] == "Approve v2?"
    assert approve["text"]["text"] == (
        "shop/checkout, run 1, step 1, v2: Lets v2 go on from 5 % to 50 % once all else is fine."
    )
    reject = found["rollout.reject"]["confirm"]
    assert "v1 gets all traffic back from v2" in reject["text"]["text"]


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        (a_status(), ()),
        (a_status(run=a_run()), (Verb.ABORT,)),
        (waiting(), (Verb.APPROVE, Verb.REJECT, Verb.ABORT)),
        (replace(waiting(), reasons=()), (Verb.ABORT,)),
        (replace(waiting(), phase=Phase.PAUSED), (Verb.APPROVE, Verb.REJECT, Verb.ABORT)),
        (replace(waiting(), phase=Phase.ROLLING_BACK), ()),
        (a_status(phase=Phase.FAILED), ()),
    ],
)
def test_only_what_may_be_done_now_has_a_button(status: RolloutStatus, verbs: tuple[Verb, ...]) -> None:
    assert offered(status) == verbs


def test_who_approved_is_said_from_status_so_that_it_stays_when_the_card_is_written_anew() -> None:
    status = waiting()
    assert status.run
    given_by_ana = Approval(step=1, by="slack:ana@shop.example", at=NOON, channel="slack")
    older = Approval(step=0, by="bea", at=NOON)
    status = replace(status, run=replace(status.run, approvals=(older, given_by_ana)))

    said = list(texts(card(CHECKOUT, status, ("aborted by <@U1>",)).blocks))

    assert "approved by slack:ana@shop.example (slack) at 12:00:00 UTC" in said
    assert "aborted by <@U1>" in said
    assert not any("bea" in line for line in said)


def test_who_did_what_is_still_said_when_the_step_and_the_run_are_over() -> None:
    status = waiting()
    assert status.run
    deeds = (a_deed(step=1), a_deed(step=0, verb="pause", by="<!channel>", channel=""))
    run = replace(status.run, step=2, deeds=deeds)
    past = replace(a_past(1), deeds=deeds)

    during = texts(card(CHECKOUT, replace(status, run=run)).blocks)
    after = texts(card(CHECKOUT, a_status(history=(past,))).blocks)

    for said in (list(during), list(after)):
        assert "approve of step 1 by slack:ben@shop.example (slack) at 12:00:00 UTC" in said
        assert "pause by &lt;!channel&gt; at 12:00:00 UTC" in said


def test_an_approval_of_the_present_step_is_said_once() -> None:
    status = waiting()
    assert status.run
    mine = Approval(step=1, by="slack:ben@shop.example", at=NOON, channel="slack")

    run = replace(status.run, approvals=(mine,), deeds=(a_deed(),))

    said = texts(card(CHECKOUT, replace(status, run=run)).blocks)

    assert [line for line in said if "ben@" in line] == ["approved by slack:ben@shop.example (slack) at 12:00:00 UTC"]


def test_a_button_carries_what_it_was_made_for() -> None:
    found = buttons(card(CHECKOUT, waiting()))

    assert json.loads(found["rollout.approve"]["value"]) == {
        "k": "Rollout",
        "ns": "shop",
        "n": "checkout",
        "v": "approve",
        "run": 1,
        "step": 1,
        "rev": "v2",
        "tpl": "t-v2",
    }
    assert json.loads(found["rollout.abort"]["value"])["run"] == 1
    assert json.loads(found["rollout.why"]["value"]) == {"k": "Rollout", "ns": "shop", "n": "checkout", "v": "why"}


def test_why_has_the_sentences_of_the_status() -> None:
    status = a_full_status()
    told = "\n".join(texts(why(CHECKOUT, status, "spec.steps is empty").blocks))

    assert "*Soaking* soaking until 12:05" in told
    assert "*Next:* step 2 at 12:05" in told
    assert ":warning: cannot be read: spec.steps is empty" in told


def test_why_of_a_run_that_is_over_says_how_it_ended() -> None:
    past = Past(
        run=3, revision="v9", stable="v1", outcome=Outcome.FAILED, started=NOON, ended=NOON, message="errors 4%"
    )

    told = "\n".join(texts(why(CHECKOUT, a_status(phase=Phase.FAILED, history=(past,))).blocks))

    assert f"run 3 of v9: {Outcome.FAILED.value} at 12:00:00 UTC (errors 4%)" in told


def hostile() -> RolloutStatus:
    """Every text of it wants to be more than text."""
    status = waiting()
    assert status.run
    verdicts = (a_verdict(Verdict.FAIL, name=PING, message=PING), a_verdict(name="x", message=PING, mode=Mode.OBSERVE))
    return replace(
        status,
        run=replace(
            status.run,
            canary=replace(status.run.canary, name=PING),
            approvals=(Approval(step=1, by=PING, at=NOON, channel=PING),),
        ),
        verdicts=verdicts,
        reasons=(*status.reasons, Reason(code=PING, message=PING, warning=True)),
        next=PING,
    )


def test_nothing_from_git_or_kubernetes_can_mention_link_or_begin_a_line() -> None:
    cards = [card(CHECKOUT, hostile()), why(CHECKOUT, hostile(), PING), asked(CHECKOUT, hostile(), Verb.APPROVE, PING)]
    said = [line for found in cards for text in (found.text, *texts(found.blocks)) for line in text.split("\n")]

    assert not [line for line in said if "<" in line or ">" in line]
    assert not [line for line in said if line.startswith("Approved by")]
    assert not [line for line in said if "\u202e" in line]
    assert all("&amp;lt;!here" in line for line in said if "!here" in line)


def test_what_looks_like_a_link_stays_text() -> None:
    shown = [block["text"] for block in card(CHECKOUT, hostile()).blocks if block["type"] == "section"]

    assert shown
    assert all(text["verbatim"] is True for text in shown)


@pytest.mark.parametrize("size", [1, 40, 1000, 100_000])
def test_however_long_the_texts_are_slack_takes_the_card(size: int) -> None:
    long = "&" * size
    status = waiting()
    assert status.run
    many = tuple(a_verdict(name=f"{number}{long}", message=long) for number in range(30))
    status = replace(
        status,
        run=replace(status.run, canary=replace(status.run.canary, name=long)),
        verdicts=many,
        reasons=(*status.reasons, *(Reason(code=long, message=long) for _ in range(30))),
        next=long,
    )

    cards = (
        card(CHECKOUT, status, (long,) * 20),
        why(CHECKOUT, status, long),
        asked(CHECKOUT, status, Verb.APPROVE, long),
    )

    assert [refused(found) for found in cards if buttons_fit(found)] == [[] for found in cards if buttons_fit(found)]
    assert all(len(found.text) <= 1000 for found in cards)


def buttons_fit(found: Card) -> bool:
    """A revision of more than 64 characters exists in no cluster; its button is Slack's to refuse."""
    return all(len(str(one["value"])) <= 2000 for one in buttons(found).values())


def test_a_list_of_thousands_is_cut_and_counted() -> None:
    keys = [(Key(namespace="shop", name=f"{number}-{'x' * 200}"), waiting()) for number in range(3000)]

    found = listed(keys)

    assert refused(found) == []
    assert "and 2900 more" in "\n".join(texts(found.blocks))


@given(st.text(), st.integers(min_value=8, max_value=300))
def test_an_escaped_text_is_one_line_within_its_limit_without_markup(text: str, most: int) -> None:
    found = escaped(text, most)

    assert 1 <= len(found) <= most
    assert len(found.splitlines()) == 1
    assert not {"<", ">"} & set(found)
    assert all(part.startswith(("amp;", "lt;", "gt;")) for part in found.split("&")[1:])


def test_a_text_without_anything_to_show_is_a_dash() -> None:
    assert escaped("\u200b\n", 10) == "-"


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=1024)


@given(NAMES, NAMES, st.sampled_from([Verb.APPROVE, Verb.REJECT, Verb.ABORT]), st.integers(0, 1000), WORDS)
def test_what_a_button_carries_is_read_back_as_it_was(
    namespace: str, name: str, verb: Verb, number: int, reason: str
) -> None:
    made_for = Binding(run=number, step=number, revision="v2", template="abc")
    wanted = Press(key=Key(namespace=namespace, name=name), verb=verb, binding=made_for, reason=reason)
    text = value(wanted)

    found = read_back(text, verb)

    assert len(text) <= 2000
    assert replace(found, reason="") == replace(wanted, reason="")
    assert reason.startswith(found.reason)
    assert found.reason == reason or len(text) > 1900


def read_back(text: str, verb: Verb) -> Press:
    """The press of a button with this value."""
    whole = payload(text)
    whole["actions"][0]["action_id"] = f"rollout.{verb.value}"
    found = read(form(whole))
    assert isinstance(found, Pressed)
    return found.press


def test_a_button_for_a_step_is_bound_to_the_pod_template_too() -> None:
    assert bound(Verb.APPROVE, waiting()) == Binding(run=1, step=1, revision="v2", template="t-v2")
    assert bound(Verb.ABORT, waiting()) == Binding(run=1)
