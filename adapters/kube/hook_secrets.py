"""What do the Secrets hold that webhooks are signed with?"""

import base64
import binascii

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from rollout.ports.errors import NotFound, Rejected

_KEYS = ("secret", "previous")  # while it is changed both sign, so that a receiver may know either


class KubeHookSecrets:
    """Reads a Secret by name for each call: one that was changed counts at once, and nothing is kept of it."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    async def signing(self, namespace: str, name: str) -> tuple[str, ...]:
        """What it holds under `secret` and `previous`, in this order; NotFound, or Rejected where it has no `secret`."""
        place = f"Secret {namespace}/{name}"
        try:
            stored = await self._api.get(self._cache.path("Secret", namespace, name))
        except NotFound as error:
            raise NotFound(f"{place} is not there (spec.webhooks[].secretRef); create it") from error
        data = stored.get("data") or {}
        found = tuple(_decoded(place, key, data[key]) for key in _KEYS if data.get(key))
        if not data.get(_KEYS[0]):
            raise Rejected(f"{place} has no key secret; put the signing secret of Standard Webhooks there")
        return found


def _decoded(place: str, name: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(f"{place}: {name} is not text") from error
