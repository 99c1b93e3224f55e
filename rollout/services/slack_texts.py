"""What does Slack show of a Rollout, and what do its buttons mean?

Everything that comes from git or Kubernetes goes through `slack_markup.escaped`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from policies.verdict import Verdict
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.rollout import Mode
from rollout.model.status import Phase, RolloutStatus, Run
from rollout.ports.people import Card
from rollout.progression.view import clock
from rollout.services.ordering import Binding, binding
from rollout.services.slack_markup import Block, context, escaped, section

WHY = "why"
BLOCK_ID = "rollout"
MOST_VALUE = 2000  # characters of a button's value, as of all of these Slack's own limit
_HEADER, _DIALOG, _FALLBACK = 150, 300, 1000
_LINE = 300  # of one sentence, so that no single one drives out the others
_MOST_LINES = 8
_MOST_LISTED, _PAGE = 100, 10
_BAR = 20
_FULL = 100
_MARKS = {Verdict.PASS: ":white_check_mark:", Verdict.FAIL: ":x:", Verdict.INCONCLUSIVE: ":grey_question:"}
AT_THE_GATE = frozenset({"AwaitingApproval", "AuthorUnproven"})  # reasons of a gate that an approval may open
_RUNNING = (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING)
_STYLES = {Verb.APPROVE: "primary", Verb.REJECT: "danger", Verb.ABORT: "danger"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What a button means. verb: of a command, or WHY. reason: what was typed with the command, "" for none."""

    key: Key
    verb: Verb | str
    kind: str = "Rollout"
    binding: Binding = field(default_factory=Binding)
    reason: str = ""


def card(key: Key, status: RolloutStatus, said: Sequence[str] = (), *, has_buttons: bool = True) -> Card:
    """How the Rollout stands, with buttons for what may be done now. said: lines of ours, in mrkdwn, put below.

    has_buttons: False where nobody would hear that one is pressed.
    """
    title = _title(key, status)
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": escaped(title, _HEADER), "emoji": False}},
        section([*_state(status), *_ending(status)]),
        *(section(lines) for lines in (list(_verdicts(status)), list(_holds(status))) if lines),
    ]
    below = [*_deeds(status), *_approvals(status), *said]
    blocks += [context(line) for line in below[-_MOST_LINES:]]
    blocks += [_actions(key, status)] if has_buttons else []
    return Card(text=escaped(f"{title}: {_summary(status)}", _FALLBACK), blocks=tuple(blocks))


def asked(key: Key, status: RolloutStatus, verb: Verb, reason: str) -> Card:
    """The question before `verb`, with a button that is bound to what is shown now. reason: typed with it, "" for none."""
    echo = f"{verb.value} {key}" + (f" ({reason})" if reason else "")
    lines = [
        f"{escaped(echo, _LINE)} means {escaped(_about(key, status), _LINE)}.",
        escaped(effect(verb, status), _LINE),
    ]
    press = Press(key=key, verb=verb, binding=bound(verb, status), reason=reason)
    button = {**_button(key, status, verb), "value": value(press)}
    actions = {"type": "actions", "block_id": BLOCK_ID, "elements": [button, _button(key, status, WHY)]}
    return Card(text=lines[0], blocks=(section(lines), actions))


def why(key: Key, status: RolloutStatus, error: str = "") -> Card:
    """Why it stands as it does: the sentences that the CLI's `why` shows. error: why its spec cannot be read, "" if it can."""
    title = _title(key, status)
    unread = [f":warning: cannot be read: {escaped(error, _LINE)}"] if error else []
    following = [*_ending(status), f"*Next:* {escaped(status.next or 'the controller has said nothing yet', _LINE)}"]
    head = [f"*{escaped(title, _LINE)}*", *_state(status), *unread]
    parts = (head, list(_verdicts(status)), list(_holds(status)), following)
    return Card(
        text=escaped(f"{title}: {_summary(status)}", _FALLBACK), blocks=tuple(map(section, filter(None, parts)))
    )


def listed(standings: Sequence[tuple[Key, RolloutStatus]]) -> Card:
    """One line for each Rollout; those of the last pages are only counted."""
    lines = [
        f"*{escaped(str(key), 120)}*  {escaped(_summary(status), 120)}" for key, status in standings[:_MOST_LISTED]
    ]
    more = len(standings) - len(lines)
    lines += [f"and {more} more; `/rollout status NAMESPACE/NAME` shows one"] if more else []
    pages = [lines[first : first + _PAGE] for first in range(0, len(lines), _PAGE)]
    return Card(text=f"{len(standings)} Rollouts", blocks=tuple(map(section, pages)))


def value(press: Press) -> str:
    """The button's value, within Slack's limit: a reason is cut where it does not fit."""
    made_for = press.binding
    found = {
        "k": press.kind,
        "ns": press.key.namespace,
        "n": press.key.name,
        "v": str(press.verb),
        "run": made_for.run,
        "step": made_for.step,
        "rev": made_for.revision,
        "tpl": made_for.template,
        "r": press.reason or None,
    }
    given = {name: one for name, one in found.items() if one is not None}
    text = json.dumps(given, separators=(",", ":"), ensure_ascii=False)
    over = len(text) - MOST_VALUE
    if over > 0 and press.reason:
        # A character takes two in JSON at most: those that take more are no part of a line.
        return value(replace(press, reason=press.reason[: max(len(press.reason) - over, 0)]))
    return text


def bound(verb: Verb, status: RolloutStatus) -> Binding:
    """What a button for `verb` is made for: with run, step and revision also the pod template that is on trial."""
    found = binding(verb, status)
    template = status.run.canary.template if status.run and found.step is not None else ""
    return replace(found, template=template or None)


def effect(verb: Verb, status: RolloutStatus) -> str:
    """What `verb` brings about now, a sentence that names the revision."""
    run = status.run
    if run is None:
        return "There is no run in hand."
    stable = status.stable.name if status.stable else "stable"
    match verb:
        case Verb.APPROVE:
            return f"Lets {run.canary.name} go on from {run.weight} % to {_next_weight(run)} % once all else is fine."
        case Verb.REJECT | Verb.ABORT:
            return f"Ends the run: {stable} gets all traffic back from {run.canary.name}."
        case Verb.PAUSE:
            return f"Keeps {run.canary.name} at {run.weight} % until somebody resumes."
        case _:
            return f"Lets {run.canary.name} go on from {run.weight} %."


def _title(key: Key, status: RolloutStatus) -> str:
    if status.run is None:
        return f"{key}: {status.stable.name if status.stable else 'stable unknown'}"
    return f"{key}: {status.stable.name if status.stable else 'nothing'} → {status.run.canary.name}"


def _about(key: Key, status: RolloutStatus) -> str:
    run = status.run
    return f"{key}, {bound(Verb.APPROVE, status)}" if run else str(key)


def _summary(status: RolloutStatus) -> str:
    run = status.run
    if run is None:
        return status.history[0].message if status.phase is Phase.FAILED and status.history else status.phase.value
    return f"{status.phase.value}, {_step(run)}, {run.weight} %"


def _step(run: Run) -> str:
    if run.straight:
        return "straight to 100 %"
    if run.step == 0:
        return f"before step 1 of {len(run.plan)}" if run.plan else "before the first weight"
    return f"step {run.step} of {len(run.plan)}" if run.step <= len(run.plan) else "all steps passed"


def _state(status: RolloutStatus) -> list[str]:
    run = status.run
    if run is None:
        return [f"*{status.phase.value}*"]
    filled = round(run.weight * _BAR / _FULL)
    bar = "█" * filled + "░" * (_BAR - filled)
    name = escaped(run.canary.name, 80).replace("`", "'")
    return [f"*{status.phase.value}*  run {status.runs}, {_step(run)}", f"`{bar}` {run.weight} % to {name}"]


def _verdicts(status: RolloutStatus) -> Iterator[str]:
    if status.run is None:
        return
    deciding = sorted(status.verdicts, key=lambda one: (one.mode is not Mode.DECIDE, one.name))
    for one in deciding[:_MOST_LINES]:
        only = "" if one.mode is Mode.DECIDE else " (only shown)"
        yield f"{_MARKS[one.verdict]} {escaped(one.name, 80)}{only}: {escaped(one.message, _LINE)}"
    if len(deciding) > _MOST_LINES:
        yield f"and {len(deciding) - _MOST_LINES} more objectives"


def _holds(status: RolloutStatus) -> Iterator[str]:
    for reason in status.reasons[:_MOST_LINES]:
        mark = ":warning:" if reason.warning else ":hourglass_flowing_sand:"
        yield f"{mark} *{escaped(reason.code, 80)}* {escaped(reason.message, _LINE)}"


def _approvals(status: RolloutStatus) -> Iterator[str]:
    run = status.run
    for one in run.approvals if run else ():
        if run and one.step == run.step:
            by = f" ({escaped(one.channel, 20)})" if one.channel else ""
            yield f"approved by {escaped(one.by, 120)}{by} at {clock(one.at)}"


def _deeds(status: RolloutStatus) -> Iterator[str]:
    """Who did what in the run in hand, else in the last one; what counts in the present step is told apart."""
    run = status.run
    past = status.history[0].deeds if status.history else ()
    for deed in run.deeds if run is not None else past:
        if run is not None and (deed.verb, deed.step) == (Verb.APPROVE, run.step):
            continue
        of = f" of step {deed.step}" if deed.step else ""
        by = f" ({escaped(deed.channel, 20)})" if deed.channel else ""
        yield f"{escaped(deed.verb, 20)}{of} by {escaped(deed.by, 120)}{by} at {clock(deed.at)}"


def _ending(status: RolloutStatus) -> Iterator[str]:
    """How the last run ended, where none is in hand."""
    if status.run is None and status.history:
        past = status.history[0]
        ended = f"run {past.run} of {past.revision}: {past.outcome.value} at {clock(past.ended)} ({past.message})"
        yield escaped(ended, _LINE)


def _next_weight(run: Run) -> int:
    return run.plan[run.step].weight if run.step < len(run.plan) else _FULL


def _actions(key: Key, status: RolloutStatus) -> Block:
    buttons = [_button(key, status, verb) for verb in (*offered(status), WHY)]
    return {"type": "actions", "block_id": BLOCK_ID, "elements": buttons}


def offered(status: RolloutStatus) -> tuple[Verb, ...]:
    """The verbs that have a button now."""
    run = status.run
    if run is None or status.phase not in _RUNNING:
        return ()
    is_gated = 0 < run.step <= len(run.plan) and bool(run.plan[run.step - 1].approvals) and not run.straight
    waits = any(reason.code in AT_THE_GATE for reason in status.reasons)
    return (*((Verb.APPROVE, Verb.REJECT) if is_gated and waits else ()), Verb.ABORT)


def _button(key: Key, status: RolloutStatus, verb: Verb | str) -> Block:
    word = str(verb)
    made_for = bound(Verb(word), status) if word != WHY else Binding()
    button: Block = {
        "type": "button",
        "action_id": f"rollout.{word}",
        "text": {"type": "plain_text", "text": word.capitalize(), "emoji": False},
        "value": value(Press(key=key, verb=verb, binding=made_for)),
    }
    if word == WHY:
        return button
    return {**button, "style": _STYLES[Verb(word)], "confirm": _dialog(key, status, Verb(word))}


def _dialog(key: Key, status: RolloutStatus, verb: Verb) -> Mapping[str, Any]:
    revision = status.run.canary.name if status.run else ""
    about = f"{_about(key, status)}: {effect(verb, status)}"
    return {
        "title": {"type": "plain_text", "text": escaped(f"{verb.value.capitalize()} {revision}?", 100)},
        "text": {"type": "mrkdwn", "text": escaped(about, _DIALOG)},
        "confirm": {"type": "plain_text", "text": verb.value.capitalize()},
        "deny": {"type": "plain_text", "text": "Not now"},
    }
