"""How is it told who opened the present step's gate, over which channel, who is missing and until when?"""

from datetime import datetime
from typing import Any

from policies.approval import Given, Open, Unproven, Waiting
from policies.people import listed_words
from rollout.model.status import Run
from rollout.progression.approving import present_gates, rolls_back_at
from rollout.progression.gates import Gate, identity_of
from rollout.progression.view import View, plan_step
from rollout.services.paper import clock


def gate_rows(run: Run, view: View | None) -> list[tuple[str, str]]:
    """One row for each policy of the present step; by the run alone where the world could not be looked at."""
    step = plan_step(run)
    if step is None or not step.approvals:
        return []
    if view is None:
        mine = (one for one in run.approvals if one.step == run.step)
        given = ", ".join(f"{one.by} ({one.channel or 'cli'}) at {clock(one.at)}" for one in mine)
        return [("gate", f"{step.gate}: {f'approved by {given}' if given else 'nobody has approved'}")]
    rows = [("gate", f"{gate.name}: {_state(run, gate)}") for gate in present_gates(view)]
    due = rolls_back_at(view)
    return rows + ([("gate", f"back to stable at {clock(due)} unless it is opened")] if due is not None else [])


def _state(run: Run, gate: Gate) -> str:
    stands = gate.stands
    match stands:
        case None:
            return "there is no such ApprovalPolicy, or you may not read it"
        case Unproven():
            return f"closed: four eyes, and {stands.why}"
        case Open():
            until = f", until {clock(stands.until)}" if stands.until is not None else ""
            return f"open{until}: {_by(run, gate, stands.by)}"
        case Waiting():
            lapsed = f", {stands.lapsed} expired" if stands.lapsed else ""
            by = f": {_by(run, gate, stands.by)}" if stands.by else ""
            return f"closed, {len(stands.by)} of {stands.needed}{lapsed}{by}{_who(gate)}"


def _by(run: Run, gate: Gate, given: tuple[Given, ...]) -> str:
    return ", ".join(f"{one.by} ({_channel(run, one)}) at {clock(one.at)}{_until(gate, one)}" for one in given)


def _until(gate: Gate, given: Given) -> str:
    ends = _ends(gate, given)
    return f" until {clock(ends)}" if ends is not None else ""


def _ends(gate: Gate, given: Given) -> datetime | None:
    lasts = gate.quorum.expires_after
    return given.at + lasts if lasts is not None else None


def _who(gate: Gate) -> str:
    """Whom to ask, where the policy lists somebody."""
    approvers = gate.quorum.approvers
    return f"; ask {listed_words(approvers)}" if approvers is not None else ""


def _channel(run: Run, given: Given) -> str:
    found = (one for one in run.approvals if (identity_of(one), one.at) == (given.by, given.at))
    return next((one.channel for one in found if one.channel), "cli")


def gates_data(run: Run, view: View | None) -> list[dict[str, Any]]:
    """The gates for machines; [] where the world could not be looked at, or the step needs no approval."""
    return [] if view is None else [_gate_data(run, gate) for gate in present_gates(view)]


def _gate_data(run: Run, gate: Gate) -> dict[str, Any]:
    stands = gate.stands
    given = stands.by if isinstance(stands, Open | Waiting) else ()
    return {
        "policy": gate.name,
        "found": gate.policy is not None,
        "open": gate.is_open,
        "minimum": gate.quorum.minimum if gate.policy is not None else None,
        "missing": stands.missing if isinstance(stands, Waiting) else None,
        "expired": stands.lapsed if isinstance(stands, Waiting) else 0,
        "unproven": stands.why if isinstance(stands, Unproven) else None,
        "until": stands.until.isoformat() if isinstance(stands, Open) and stands.until is not None else None,
        "ask": listed_words(gate.quorum.approvers) if gate.quorum.approvers is not None else None,
        "approvals": [
            {
                "by": str(one.by),
                "channel": _channel(run, one),
                "at": one.at.isoformat(),
                "until": ends.isoformat() if (ends := _ends(gate, one)) is not None else None,
            }
            for one in given
        ],
    }
