"""What does the Secret of a Notifier hold?"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from rollout.model.notifier import Notifier
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, Rejected

FRESH = timedelta(seconds=30)  # a burst of messages reads the Secret once; a rotated one counts after so long
_KEPT = 1000


class KubeNoticeSecrets:
    """`NoticeSecrets` over a Kubernetes API server: read by name, never listed, remembered for FRESH."""

    def __init__(self, api: KubeApi, cache: Cache, clock: Clock) -> None:
        self._api = api
        self._cache = cache
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[datetime, Mapping[str, str]]] = {}

    async def read(self, notifier: Notifier) -> Mapping[str, str]:
        """Its keys and texts, at most 30 s old; NotFound when it is absent, Rejected when it is no text."""
        at, now = (notifier.key.namespace, notifier.secret), self._clock.now()
        known = self._known.get(at)
        if known is not None and now - known[0] < FRESH:
            return known[1]
        self._known.pop(at, None)
        place = f"Secret {at[0]}/{at[1]}"
        try:
            secret = await self._api.get(self._cache.path("Secret", *at))
        except NotFound as error:
            raise NotFound(f"{place} is not there (spec.secretRef of Notifier {notifier.key}); create it") from error
        texts = {name: _decoded(place, name, value) for name, value in (secret.get("data") or {}).items()}
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[at] = (now, texts)
        return texts


def _decoded(place: str, name: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(f"{place}: {name} is not text") from error
