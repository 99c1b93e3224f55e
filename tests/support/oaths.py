"""Did a controller that died on the way keep its word in every life, by what the API server stored?

Each function takes what was stored, in its order, as (verb, path, object), and says what broke the word.
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from rollout.manifest.migration_status import migration_status_from_dict
from rollout.manifest.status import status_from_dict
from rollout.migration.read import RESTARTED, peer_auth
from rollout.migration.stages import AT_LEAST_CANARY, TRANSITIONS
from rollout.model.mesh import Mtls
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
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


def skipped_stages(answers: Iterable[Stored]) -> list[str]:
    """Stages of a namespace that were saved although no move leads there from the one that was saved before."""
    found, before = [], MigrationStatus()
    for _, path, stored in answers:
        if "/meshmigrations/" not in path:
            continue
        status = migration_status_from_dict(stored.get("status") or {})
        for one in status.namespaces:
            old = before.of(one.name).stage
            if one.stage is not old and one.stage not in TRANSITIONS[old].values():
                found.append(f"{one.name}: {old}, then {one.stage}")
        before = status
    return found


def closed_unproven(answers: Iterable[Stored]) -> list[str]:
    """Policies that were STRICT before a saved status said that PERMISSIVE had been observed, or after one that fell back."""
    found, status, heard, is_open = [], MigrationStatus(), set[Stage](), False
    for verb, path, stored in answers:
        if "/meshmigrations/" in path:
            status = migration_status_from_dict(stored.get("status") or {})
            heard |= {one.stage for one in status.namespaces if one.soak.clock and one.soak.looked}
        if "/peerauthentications/" not in path or verb == "delete":
            continue
        peer = peer_auth(stored)
        is_open |= peer.mode is Mtls.PERMISSIVE and not peer.selector
        if Mtls.STRICT not in (peer.mode, *peer.ports.values()):
            continue
        for one in status.namespaces or [NamespaceStatus(name=peer.namespace)]:
            quiet = one.soak.looked - one.soak.clock if one.soak.looked and one.soak.clock else timedelta(0)
            is_proven = is_open and Stage.OBSERVING in heard and timedelta(0) < one.soak.window <= quiet
            if one.stage not in AT_LEAST_CANARY or not is_proven:
                found.append(f"{path}: STRICT in {one.stage}, quiet for {quiet}, PERMISSIVE before: {is_open}")
    return found


def lost_fields(answers: Iterable[Stored]) -> list[str]:
    """Labels, annotations and specs that were there and no more, or otherwise, in the object's next version.

    But for the modes of a policy, and for the annotation that restarts a workload.
    """
    found, known = [], dict[str, dict[str, str]]()
    for verb, path, stored in answers:
        if "/meshmigrations/" in path or verb == "delete":
            known.pop(path, None)
            continue
        now = _theirs(stored)
        found += [f"{path}: {name} was {text}" for name, text in known.get(path, {}).items() if now.get(name) != text]
        known[path] = now
    return found


def _theirs(stored: dict[str, Any]) -> dict[str, str]:
    """Each field of an object that is not to change, as text."""
    metadata, spec = stored["metadata"], json.loads(json.dumps(stored.get("spec") or {}))
    spec.pop("mtls", None)
    template = (spec.get("template", {}).get("metadata") or {}).pop("annotations", {})
    groups = {name: metadata.get(name) or {} for name in ("labels", "annotations")} | {"template": template}
    marks = {f"{group}.{name}": text for group, found in groups.items() for name, text in found.items()}
    marks.pop(f"template.{RESTARTED}", None)
    return marks | {f"spec.{name}": json.dumps(value, sort_keys=True) for name, value in spec.items()}


def answered_twice(answers: Iterable[Stored]) -> list[str]:
    """Commands whose status was written more than once with success."""
    paths = [path for _, path, _ in answers if "/rolloutcommands/" in path]
    return sorted({path for path in paths if paths.count(path) > 1})


def _destination(service: str, subset: str) -> dict[str, str]:
    return {"host": service, "subset": subset} if subset else {"host": service}
