"""What can this API server do, apart from keeping objects?"""

from adapters.kube.api import KubeApi
from rollout.ports.errors import NotFound

_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class KubeServer:
    """The implementation of `rollout.ports.server.Server`; every call is a request or two."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def version(self) -> str:
        """Its version, such as v1.32.4."""
        return str((await self._api.get("/version")).get("gitVersion", ""))

    async def served(self, group: str, plural: str) -> tuple[str, ...]:
        """The versions of a kind that it serves, best first; none when it does not know the kind."""
        try:
            known = await self._api.get(f"/apis/{group}")
        except NotFound:
            return ()
        names = [entry["version"] for entry in known.get("versions") or ()]
        return tuple([name for name in names if await self._has(f"/apis/{group}/{name}", plural)])

    async def may(self, user: str, verb: str, group: str, resource: str) -> bool:
        """Whether somebody else may do this in all namespaces; Forbidden when we may not ask."""
        plural, _, name = resource.partition(":")
        plural, _, subresource = plural.partition("/")
        attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "name": name}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": attributes},
        }
        answer = await self._api.create(_REVIEWS, body)
        return bool((answer.get("status") or {}).get("allowed"))

    async def _has(self, path: str, plural: str) -> bool:
        try:
            answer = await self._api.get(path)
        except NotFound:
            return False
        return any(entry.get("name") == plural for entry in answer.get("resources") or ())
