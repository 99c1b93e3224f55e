"""How is what a migration made told from what others made?"""

from rollout.migration.read import MANAGER, MIGRATION

LOG_NAME = "rollout-plaintext-log"  # our Telemetry, in each namespace that is observed
OWNED_BY = "app.kubernetes.io/managed-by"
WRITE = {"fieldManager": MANAGER}


def marks(migration: str) -> dict[str, dict[str, str]]:
    """Labels and annotations of what a migration creates."""
    return {"labels": {OWNED_BY: MANAGER}, "annotations": {MIGRATION: migration}}
