"""Is this still the same pod template?"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"  # what `kubectl rollout restart` writes
OUR_PREFIX = "rollout.dev/"
LENGTH = 16  # hex digits: 64 bits, short enough to read out


def template_hash(template: Mapping[str, Any]) -> str:
    """16 hex digits for a workload's `spec.template`, whatever the order of its keys.

    Restart annotations do not count (`kubectl rollout restart`, our own): they restart the same release.
    """
    metadata = dict(template.get("metadata") or {})
    annotations = {
        name: value for name, value in (metadata.pop("annotations", None) or {}).items() if not _is_restart(name)
    }
    if annotations:
        metadata["annotations"] = annotations
    same = {**template, "metadata": {name: value for name, value in metadata.items() if value is not None}}
    canonical = json.dumps(same, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(canonical.encode()).hexdigest()[:LENGTH]


def _is_restart(annotation: str) -> bool:
    return annotation == RESTARTED_AT or annotation.startswith(OUR_PREFIX)
