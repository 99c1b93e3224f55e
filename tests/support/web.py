"""Which API do tests speak with? One over a Rollout or two, with a cluster's rules as a set."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from starlette.types import ASGIApp

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from adapters.kube.kinds import WATCHED
from adapters.kube.objects import KubeObjects
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.manifest.status import status_to_dict
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.names import Key
from rollout.model.rollout import RouteRef
from rollout.model.status import RolloutStatus
from rollout.ports.migrations import StoredMigration
from rollout.ports.reviews import Reviews
from rollout.ports.rollouts import Stored
from rollout.services.accounts import Accounts
from rollout.services.authorising import Authority
from rollout.services.feed import Feed
from rollout.services.moves import Moves
from rollout.services.vouching import Voucher
from rollout.web.api import Faces, api
from rollout.web.asking import Asking
from rollout.web.callers import Callers, Proxy
from rollout.web.guard import Guard
from rollout.web.login import add_login
from rollout.web.pages import add_pages, assets
from rollout.web.sealing import Keys, Sealer, random_key
from rollout.web.sessions import Sessions
from rollout.web.sight import Sight
from rollout.web.signing_in import Desk, Issuing
from rollout.wiring.telling import accounts, moves
from tests.support.builders import NOON, a_rollout_manifest, a_run, a_spec, a_status
from tests.support.receivers import HOME, KnownReviews, Written

Right = tuple[str, str, str, Key]
LIFE, IDLE = timedelta(hours=8), timedelta(hours=1)


def may(user: str, *verbs: str, namespace: str = "shop", name: str = "", kind: str = "Rollout") -> set[Right]:
    """Rights of a user; without a name those that are asked for lists."""
    return {(user, verb, kind, Key(namespace=namespace, name=name)) for verb in verbs}


@dataclass(slots=True)
class Fleet:
    """Rollouts as stored, each at step 1 of its run. read: whichever were asked for, one by one."""

    stored: dict[Key, Stored] = field(default_factory=dict)
    read: list[Key] = field(default_factory=list)

    def holds(self, *keys: Key, status: RolloutStatus | None = None) -> "Fleet":
        """With these Rollouts."""
        for key in keys:
            self.stored[key] = Stored(
                key=key,
                uid=f"uid-{key.name}",
                version="1",
                generation=1,
                spec=replace(a_spec(), key=key),
                status=status or a_status(run=a_run()),
                raw='{"revision": "v2"}',
            )
        return self

    def get(self, key: Key) -> Stored | None:
        """One of them."""
        self.read.append(key)
        return self.stored.get(key)

    def obj(self, key: Key) -> Obj | None:
        """One of them as the API server has it."""
        stored = self.stored.get(key)
        if stored is None:
            return None
        obj = a_rollout_manifest()
        obj["metadata"] |= {"namespace": key.namespace, "name": key.name}
        return {**obj, "status": status_to_dict(stored.status)}

    def keys(self) -> tuple[Key, ...]:
        """Their keys."""
        return tuple(sorted(self.stored))

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """Those of them that list this route."""
        here = (key for key in self.keys() if key.namespace == namespace)
        return tuple(key for key in here if (spec := self.stored[key].spec) is not None and route in spec.routes)

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """Never asked."""
        raise AssertionError(f"{stored.key} {status.phase}: the API writes commands and nothing else")

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """Never asked."""
        raise AssertionError(f"{stored.key} {present}: the API writes commands and nothing else")


@dataclass(slots=True, kw_only=True)
class Front:
    """What the API is made of here.

    written: what was recorded. told: what tells of single Rollouts, None for by the fleet. moves: of migrations, None for `a_migration` alone. url: how people reach it.
    waiting: which commit of a GitSource waits.
    issuer: at which they sign in. asked: who is asked instead of `reviews` whose token it is.
    """

    fleet: Fleet
    reviews: KnownReviews
    tokens: bool = True
    proxy: Proxy | None = None
    hosts: tuple[str, ...] = ()
    url: str = ""
    keys: Keys = field(default_factory=random_key)
    issuer: str = ""
    issuing: Issuing | None = None
    asked: Reviews | None = None
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    written: Written = field(default_factory=Written)
    feed: Feed = field(default_factory=Feed)
    told: Accounts | None = None
    moves: Moves | None = None
    waiting: dict[Key, str] = field(default_factory=dict)
    cluster: MemoryCluster = field(default_factory=MemoryCluster.with_kinds)

    def app(self) -> ASGIApp:
        """The API and the dashboard as `wiring.web` makes them, over all this."""
        api_of = DirectApi(self.cluster)
        sessions = Sessions(sealer=Sealer(self.keys), clock=self.clock, life=LIFE, idle=IDLE, issuer=self.issuer)
        callers = Callers(
            reviews=self.asked or self.reviews,
            clock=self.clock,
            tokens=self.tokens,
            proxy=self.proxy,
            sessions=sessions,
        )
        faces = Faces(
            rollouts=self.fleet,
            is_open=callers.is_open,
            sight=Sight(reviews=self.reviews, clock=self.clock),
            asking=Asking(
                rollouts=self.fleet,
                objects=KubeObjects(api_of),
                voucher=Voucher(
                    authority=Authority(reviews=self.reviews, home=HOME), create=self.written.create, clock=self.clock
                ),
                home=HOME,
                waiting=self.waiting.get,
            ),
            feed=self.feed,
            accounts=self.told
            or replace(accounts(api_of, Cache(api_of, WATCHED), self.fleet, self.clock, HOME), known=self.fleet.obj),
            moves=self.moves
            or replace(moves(api_of, Cache(api_of, WATCHED), self.clock, HOME), stored=lambda: (a_migration(),)),
        )
        app = api(faces)
        add_login(
            app,
            Desk(
                callers=callers,
                sessions=sessions,
                clock=self.clock,
                issuing=self.issuing,
                is_secure=self.url.startswith("https:"),
            ),
        )
        add_pages(app, assets())
        return Guard(app, callers, self.hosts, self.url)


def a_front(*keys: Key, rights: Iterable[Right] = (), **changes: Any) -> Front:
    """The API over these Rollouts, for users with these rights; a token is its user's name."""
    front = Front(fleet=Fleet().holds(*keys), reviews=KnownReviews(rights=set(rights)), **changes)
    front.cluster.seed(*definitions().values())
    return front


def a_migration() -> StoredMigration:
    """to-strict, with shop that fell back."""
    status = MigrationStatus(namespaces=(NamespaceStatus(name="shop", stage=Stage.FALLEN_BACK, fallbacks=1),))
    return StoredMigration(name="to-strict", uid="u", version="1", generation=1, spec=None, status=status)
