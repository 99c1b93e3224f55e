"""Did a controller that died on the way keep its word in every life, by what the API server stored?

Each function takes what was stored, in its order, as (verb, path, object), and says what broke the word.
"""

from collections.abc import Iterable
from typing import Any

from rollout.manifest.status import status_from_dict
from rollout.model.status import RolloutStatus

Stored = tuple[str, str, dict[str, Any]]


def broken_words(answers: Iterable[Stored]) -> list[str]:
    """Route writes that gave the canary more than the status that was saved before said."""
    found, status = [], RolloutStatus()
    for _, path, stored in answers:
        if "/rollouts/" in path:
            status = status_from_dict(stored.get("status", {}))
        if "/virtualservices/" in path:
            stable = status.stable.backend if status.stable else None
            said = status.run.weight if status.run else 0
            given = sum(
                entry.get("weight", 100)
                for entry in stored["spec"]["http"][0]["route"]
                if stable and entry["destination"] != _destination(stable.service, stable.subset)
            )
            if given > said:
                found.append(f"{path}: {given} % given, {said} % saved")
    return found


def skipped_steps(answers: Iterable[Stored]) -> list[str]:
    """Steps of one run that were saved without the one before them, or behind a gate that nobody had opened."""
    found, before = [], RolloutStatus()
    for _, path, stored in answers:
        if "/rollouts/" not in path:
            continue
        status = status_from_dict(stored.get("status", {}))
        if status.run and before.run and status.runs == before.runs and status.run.step > before.run.step:
            gate = before.run.plan[before.run.step - 1].approvals if before.run.step else ()
            if status.run.step > before.run.step + 1 and not status.run.full:
                found.append(f"run {status.runs}: step {before.run.step}, then {status.run.step}")
            if gate and not status.handled:
                found.append(f"run {status.runs}: step {status.run.step} without an approval")
        before = status
    return found


def lost_subsets(answers: Iterable[Stored]) -> list[str]:
    """Route writes that gave weight to a new subset which no DestinationRule of ours had at that moment."""
    found, known = [], {"v1"}  # v1's is the user's own
    for verb, path, stored in answers:
        if "/destinationrules" in path:
            known = {"v1", *(one["name"] for one in stored["spec"]["subsets"] if verb != "delete")}
        if "/virtualservices/" in path:
            given = {
                entry["destination"].get("subset", "v1")
                for entry in stored["spec"]["http"][0]["route"]
                if entry.get("weight", 100)
            }
            found += [f"{path}: {name}" for name in sorted(given - known)]
    return found


def answered_twice(answers: Iterable[Stored]) -> list[str]:
    """Commands whose status was written more than once with success."""
    paths = [path for _, path, _ in answers if "/rolloutcommands/" in path]
    return sorted({path for path in paths if paths.count(path) > 1})


def _destination(service: str, subset: str) -> dict[str, str]:
    return {"host": service, "subset": subset} if subset else {"host": service}
