"""May a change in the cluster be news for a Notifier?

A status that changed is what it waits for; who tells of which object is found out once for all Notifiers together.
"""

from collections.abc import Iterator
from typing import Any

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from rollout.model.names import Key
from rollout.ports.notifiers import EVERY_NOTIFIER

_KIND = "Notifier"
_TOLD_OF = ("Rollout", "MeshMigration")


def notifiers_of(cache: Cache, kind: str, old: Obj | None, new: Obj | None) -> Iterator[Key]:
    """EVERY_NOTIFIER where one has to look; nothing where there is none, and when it is only how far one told."""
    if kind == _KIND:
        if old is None or new is None or _asked(old) != _asked(new):
            yield EVERY_NOTIFIER
    elif kind in _TOLD_OF and _KIND in cache.kinds and cache.list(_KIND):
        yield EVERY_NOTIFIER


def _asked(notifier: Obj) -> list[Any]:
    return [notifier["metadata"].get(name) for name in ("uid", "generation", "deletionTimestamp")]
