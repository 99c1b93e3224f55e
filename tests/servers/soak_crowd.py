"""Who is in the crowd of a soak: how does each Rollout name its revisions, and by how many routes, drawn from the seed?"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from tests.bench.crowd import Member, members
from tests.bench.crowd import furnish as furnish_members
from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj
from tests.servers.scenery import pods, serving
from tests.servers.soak_facts import ASIDE, Key

REVISIONS = ("v1", "v2", "v3")
SUBSETS_EVERY, TWO_ROUTES_EVERY = 4, 3  # so that every twelfth has both
ISTIO = "networking.istio.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One Rollout of a soak. has_subsets: its revisions are subsets of one Service, else each has a Service."""

    member: Member
    has_subsets: bool
    has_two_routes: bool

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.member.namespace, self.member.name

    @property
    def routes(self) -> tuple[str, ...]:
        """Its VirtualServices."""
        name = self.member.name
        return (name, f"{name}{ASIDE}") if self.has_two_routes else (name,)


def participants(seed: int, size: int) -> tuple[Participant, ...]:
    """So many; a quarter has subsets, a third two routes."""
    found = list(members(size))
    Random(f"{seed} crowd").shuffle(found)
    shaped = (
        Participant(
            member=member, has_subsets=number % SUBSETS_EVERY == 0, has_two_routes=number % TWO_ROUTES_EVERY == 0
        )
        for number, member in enumerate(found)
    )
    return tuple(sorted(shaped, key=lambda one: one.key))


def furnish(server: ApiServer, crowd: Iterable[Participant]) -> None:
    """Create all that the Rollouts of a crowd are about, and no Rollout."""
    everybody = tuple(crowd)
    asyncio.run(furnish_members(server, [one.member for one in everybody], REVISIONS))
    kube = server.client()
    for namespace in sorted({one.member.namespace for one in everybody if one.has_subsets}):
        kube.apply(*(pod for revision in REVISIONS for pod in pods(namespace, revision)))
    for one in everybody:
        kube.apply(*_more(one))


def _more(one: Participant) -> Iterator[Obj]:
    """What is not as the one route and the Services that everybody has; subset v1 is the user's own."""
    namespace, name = one.key
    if one.has_subsets:
        yield from serving(namespace, name, *REVISIONS)
        yield {
            "apiVersion": ISTIO,
            "kind": "DestinationRule",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"host": name, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]},
        }
    to = {"host": name, "subset": "v1"} if one.has_subsets else {"host": f"{name}-v1"}
    for route in one.routes[0 if one.has_subsets else 1 :]:
        yield {
            "apiVersion": ISTIO,
            "kind": "VirtualService",
            "metadata": {"name": route, "namespace": namespace},
            "spec": {"hosts": [route], "http": [{"route": [{"destination": to}]}]},
        }
