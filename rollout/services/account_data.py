"""How is all that is known of a Rollout told to machines? Durations are seconds, moments ISO 8601."""

from typing import Any

from rollout.manifest.status import status_to_dict
from rollout.model.status import Run
from rollout.progression.view import plan_step
from rollout.services.account import Account
from rollout.services.account_gates import gates_data
from rollout.services.account_hooks import hooks_data
from rollout.services.auditing import Audit
from rollout.services.looking import possible, shares_of
from rollout.services.queries import News, Standing

API_VERSION = "cli.rollout.dev/v1alpha1"


def as_data(account: Account) -> dict[str, Any]:
    """The account for machines; durations are seconds."""
    item, status = account.standing, account.standing.status
    run = status.run
    shares = shares_of(account.view) if account.view is not None else ()
    told = status_to_dict(status)
    return {
        "apiVersion": API_VERSION,
        "kind": "Why",
        "metadata": {"namespace": item.key.namespace, "name": item.key.name},
        "phase": status.phase.value,
        "stable": status.stable.name if status.stable else None,
        "wanted": item.wanted or None,
        "source": item.source or None,
        "commit": item.commit or None,
        "error": item.error or None,
        "git": account.git or None,
        "unseen": account.unseen or None,
        "run": _run_data(run, account) if run else None,
        "weights": [
            {
                "route": str(share.route),
                "wanted": share.wanted,
                "seen": {"lowest": float(share.lowest), "highest": float(share.highest)},
                "problem": share.problem or None,
            }
            for share in shares
        ],
        "objectives": told.get("verdicts", []),
        "holds": told.get("reasons", []),
        "hooks": hooks_data(item.spec, status),
        "lastEvent": news_data(account.news[-1]) if account.news else None,
        "lastRun": (told.get("history") or [None])[0],
        "next": status.next or None,
        "possible": [verb.value for verb in possible(item, account.view)],
    }


def _run_data(run: Run, account: Account) -> dict[str, Any]:
    until, spec, now = account.soak_until, account.standing.spec, account.now
    step, gates = plan_step(run), gates_data(run, account.view)
    return {
        "number": account.standing.status.runs,
        "canary": run.canary.name,
        "template": run.canary.template or None,
        "step": run.step,
        "steps": len(run.plan),
        "plan": [
            {"weight": one.weight, "soak": one.soak.total_seconds(), "approvals": list(one.approvals)}
            for one in run.plan
        ],
        "outlook": run.outlook or None,
        "learnt": {kept.objective: kept.learnt for kept in run.judged if kept.learnt},
        "weight": run.weight,
        "confirmed": run.confirmed,
        "started": run.started.isoformat(),
        "stepStarted": run.step_started.isoformat(),
        "soakUntil": until.isoformat() if until else None,
        "approval": step.gate or None if step else None,
        "approved": all(gate["open"] for gate in gates)
        if gates
        else any(one.step == run.step for one in run.approvals),
        "gates": gates,
        "override": _override_data(run),
        "availableWithin": spec.available_within.total_seconds() if spec else None,
        "unavailableFor": run.unavailable.elapsed(now).total_seconds(),
        "verdictMissingFor": run.verdict_missing.elapsed(now).total_seconds(),
    }


def _override_data(run: Run) -> dict[str, Any] | None:
    over = run.override
    if over is None:
        return None
    return {
        "windows": list(over.windows),
        "by": over.by,
        "channel": over.channel,
        "at": over.at.isoformat(),
        "reason": over.reason,
    }


def news_data(news: News) -> dict[str, Any]:
    """News for machines."""
    return {
        "code": news.code,
        "message": news.message,
        "warning": news.warning,
        "count": news.count,
        "first": news.first.isoformat(),
        "last": news.last.isoformat(),
    }


def history_data(standing: Standing) -> dict[str, Any]:
    """The last runs for machines, the newest first."""
    return {
        "apiVersion": API_VERSION,
        "kind": "History",
        "metadata": {"namespace": standing.key.namespace, "name": standing.key.name},
        "runs": status_to_dict(standing.status).get("history", []),
    }


def audit_data(standing: Standing, told: Audit) -> dict[str, Any]:
    """The audit for machines, the newest first."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Audit",
        "metadata": {"namespace": standing.key.namespace, "name": standing.key.name},
        "unread": told.unread or None,
        "entries": [
            {
                "at": entry.at.isoformat(),
                "run": entry.run,
                "step": entry.step,
                "revision": entry.revision or None,
                "verb": entry.verb,
                "by": entry.by,
                "channel": entry.channel or None,
                "provenBy": entry.proof or None,
                "result": entry.result.value if entry.result is not None else None,
                "message": entry.message or None,
                "reason": entry.reason or None,
                "command": entry.command or None,
            }
            for entry in told.entries
        ],
    }
