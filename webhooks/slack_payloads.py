"""What does a form that Slack has signed say: which button was pressed by whom, or what was typed?

Read strictly: a form that is not what Slack sends, or a value that is not what our buttons carry, is not understood.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from rollout.model.commands import Verb
from rollout.ports.people import Place
from rollout.services.ordering import Binding
from rollout.services.slack_people import Claim
from rollout.services.slack_texts import WHY, Press
from rollout.services.slack_words import LONGEST_REASON, key_in

MOST_FIELDS = 64
OURS = "rollout."  # what the action_id of our buttons begins with
_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_TEAM = re.compile(r"[TE][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{1,30}")
_STAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,12}")
_TRIGGER = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_NUMBER = {"run": 2**31, "step": 1000}  # the largest that a RolloutCommand takes
_TEXT = re.compile(r"[!-~]{1,64}")  # a revision, or the hash of a pod template
_VERBS = (Verb.APPROVE, Verb.REJECT, Verb.ABORT)
_FIELDS = frozenset({"k", "ns", "n", "v", "run", "step", "rev", "tpl", "r"})


class UnreadableError(ValueError):
    """It is signed, but says nothing that can be done; the message says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button was pressed. once: the same when the request comes again. place: None where only the presser sees it."""

    claim: Claim
    once: str
    answer_at: str
    press: Press
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A slash command was typed. text: what stands behind it."""

    claim: Claim
    once: str
    answer_at: str
    text: str


def read(body: bytes) -> Pressed | Typed | None:
    """What the form says; None for what is not for us: a check of the certificate, or a button without a deed."""
    form = _form(body)
    if form.get("ssl_check") == "1":
        return None
    if "payload" not in form:
        return _typed(form)
    try:
        payload = json.loads(form["payload"])
    except (ValueError, RecursionError):
        raise UnreadableError("payload is no JSON") from None
    return _pressed(_object(payload, "payload"))


def schema() -> dict[str, Any]:
    """What an OpenAPI document says of the body: a form with `payload`, or the fields of a slash command."""
    names = (
        "payload",
        "command",
        "text",
        "user_id",
        "team_id",
        "enterprise_id",
        "trigger_id",
        "response_url",
        "ssl_check",
    )
    form = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    return {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}}


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise UnreadableError("the body is no form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise UnreadableError("a field of the form is there twice")
    return form


def _typed(form: Mapping[str, str]) -> Typed:
    claim = Claim(
        user=_needed(_USER, form.get("user_id"), "user_id"),
        team=_optional(_TEAM, form.get("team_id"), "team_id"),
        organisation=_optional(_TEAM, form.get("enterprise_id"), "enterprise_id"),
    )
    return Typed(
        claim=claim,
        once=_needed(_TRIGGER, form.get("trigger_id"), "trigger_id"),
        answer_at=form.get("response_url", ""),
        text=form.get("text", ""),
    )


def _pressed(payload: Mapping[str, Any]) -> Pressed | None:
    if payload.get("type") != "block_actions":
        raise UnreadableError("only presses of buttons are understood")
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise UnreadableError("one button is pressed at a time")
    action = _object(actions[0], "actions[0]")
    if not str(action.get("action_id")).startswith(OURS):
        return None
    if action.get("type") != "button":
        raise UnreadableError("our actions are buttons")
    trigger = _needed(_TRIGGER, payload.get("trigger_id"), "trigger_id")
    stamp = _needed(_STAMP, action.get("action_ts"), "action_ts")
    answer_at = payload.get("response_url")
    return Pressed(
        claim=_claim(payload),
        once=f"{trigger} {stamp}",
        answer_at=answer_at if isinstance(answer_at, str) else "",
        press=_press(action),
        place=_place(payload),
    )


def _claim(payload: Mapping[str, Any]) -> Claim:
    user = _object(payload.get("user"), "user")
    team = _object(payload.get("team") or {}, "team")
    organisation = _object(payload.get("enterprise") or {}, "enterprise")
    return Claim(
        user=_needed(_USER, user.get("id"), "user.id"),
        team=_optional(_TEAM, team.get("id"), "team.id"),
        organisation=_optional(_TEAM, organisation.get("id"), "enterprise.id"),
        home=_optional(_TEAM, user.get("team_id"), "user.team_id"),
    )


def _place(payload: Mapping[str, Any]) -> Place | None:
    container = _object(payload.get("container"), "container")
    if container.get("type") != "message":
        raise UnreadableError("our buttons are in messages")
    if container.get("is_ephemeral") is not False:
        return None
    channel = _needed(_CHANNEL, container.get("channel_id"), "container.channel_id")
    return Place(channel=channel, ts=_needed(_STAMP, container.get("message_ts"), "container.message_ts"))


def _press(action: Mapping[str, Any]) -> Press:
    text = action.get("value")
    try:
        found = _object(json.loads(text) if isinstance(text, str) else None, "value")
    except (ValueError, RecursionError):
        raise UnreadableError("value is no JSON of ours") from None
    if not set(found) <= _FIELDS:
        raise UnreadableError("value has fields that our buttons do not have")
    if found.get("k") != "Rollout":
        raise UnreadableError("only Rollouts have buttons")
    verb = found.get("v")
    if action.get("action_id") != f"{OURS}{verb}":
        raise UnreadableError("the button and its value do not belong together")
    place, name = found.get("ns"), found.get("n")
    key = key_in(name, place) if isinstance(place, str) and isinstance(name, str) and "/" not in name else None
    if key is None:
        raise UnreadableError("value names no Rollout")
    if verb == WHY:
        return Press(key=key, verb=WHY)
    if verb not in _VERBS:
        raise UnreadableError("value has no verb of a button")
    reason = found.get("r", "")
    if not isinstance(reason, str) or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise UnreadableError("r is no reason that a button has")
    return Press(key=key, verb=Verb(verb), binding=_binding(found, Verb(verb)), reason=reason)


def _binding(found: Mapping[str, Any], verb: Verb) -> Binding:
    numbers = {name: _number(found.get(name), most, name) for name, most in _NUMBER.items()}
    revision = _optional(_TEXT, found.get("rev"), "rev") or None
    needed = (numbers["run"], numbers["step"], revision) if verb is Verb.APPROVE else (numbers["run"],)
    if None in needed:
        raise UnreadableError(f"a button for {verb.value} says what it was made for")
    template = _optional(_TEXT, found.get("tpl"), "tpl") or None
    return Binding(run=numbers["run"], step=numbers["step"], revision=revision, template=template)


def _number(value: object, most: int, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise UnreadableError(f"{name} is no number that a button has")
    return value


def _needed(pattern: re.Pattern[str], value: object, name: str) -> str:
    """The text, where it has the form that Slack gives it."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise UnreadableError(f"{name} is not what Slack sends")
    return value


def _optional(pattern: re.Pattern[str], value: object, name: str) -> str:
    """The same; "" where it is not there."""
    return "" if value is None or value == "" else _needed(pattern, value, name)


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is no object")
    return value
