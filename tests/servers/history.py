"""What did an API server store, version by version, in the order in which it stored them?

By its own watches: a list tells only what is so now.
"""

import json
import ssl
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj, path_of
from tests.servers.process import eventually
from tests.support.oaths import Stored

PATIENCE_S = 60.0  # beside the meddlers of hundreds of Rollouts, all in one process
VERBS = {"ADDED": "create", "MODIFIED": "patch", "DELETED": "delete"}


@dataclass(slots=True, kw_only=True)
class History:
    """Every version of the objects of some collections from `begin` on, until the server stops."""

    server: ApiServer
    collections: tuple[str, ...]
    _since: dict[str, int] = field(default_factory=dict)
    _told: list[tuple[int, Stored]] = field(default_factory=list)

    def begin(self) -> None:
        """Follow from now on."""
        for collection in self.collections:
            version = self.server.client().get(f"{collection}?limit=1")["metadata"]["resourceVersion"]
            self._since[collection] = int(version)
            Thread(target=self._follow, args=(collection, version), name="history", daemon=True).start()

    def complete(self) -> list[Stored]:
        """All that was stored until now, as (verb, path, object)."""
        assert eventually(self._is_complete, PATIENCE_S, 0.5), "the history lags behind"
        return [stored for _, stored in sorted(self._told, key=lambda one: one[0])]

    def _is_complete(self) -> bool:
        kube, known = self.server.client(), {version for version, _ in self._told}
        return all(
            version in known or version <= self._since[collection]
            for collection in self.collections
            for obj in kube.items(collection)
            for version in [int(obj["metadata"]["resourceVersion"])]
        )

    def _follow(self, collection: str, version: str) -> None:
        trusted = ssl.create_default_context(cafile=str(self.server.ca))
        url = f"{self.server.url}{collection}?watch=true&resourceVersion={version}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.server.token['admin']}"})
        with suppress(OSError, ValueError), urllib.request.urlopen(asked, context=trusted) as answer:
            for line in answer:
                event = json.loads(line)
                obj: Obj = event["object"]
                if event["type"] in VERBS:
                    known = (VERBS[event["type"]], path_of(obj), obj)
                    self._told.append((int(obj["metadata"]["resourceVersion"]), known))
