"""What can be read and asked for over HTTP, and by whom?

Reading shows what the caches hold, on any replica. Asking writes a RolloutCommand in the caller's name, as the CLI does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import StreamingResponse

from rollout.model.names import Key
from rollout.ports.rollouts import Rollouts, Stored
from rollout.services.accounts import Accounts
from rollout.services.feed import Feed
from rollout.services.moves import Moves
from rollout.web.asking import Asking
from rollout.web.callers import caller_of
from rollout.web.mistakes import tell_mistakes
from rollout.web.paging import paged
from rollout.web.responses import ONE, READ, Responses
from rollout.web.shapes import Answer, Me, Migration, Migrations, MoveOrder, One, Order, Page, Recorded, SourceOrder
from rollout.web.shown import migration, one, summary
from rollout.web.sight import Sight
from rollout.web.stream import streamed
from rollout.web.tell import tell
from rollout.web.tell_moves import tell_moves

ROLLOUTS, ROLLOUT = "/api/v1/rollouts", "/api/v1/rollouts/{namespace}/{name}"
SOURCE = "/api/v1/gitsources/{namespace}/{name}"
MIGRATIONS, MIGRATION = "/api/v1/meshmigrations", "/api/v1/meshmigrations/{name}"
MOST_ITEMS = 500
_ASK: Responses = {
    **ONE,
    400: {"description": "no JSON"},
    411: {"description": "no Content-Length"},
    413: {"description": "too long"},
    409: {"description": "made for an older run, step or revision"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """What the API is made of. is_open: nobody is asked who he is."""

    rollouts: Rollouts
    is_open: bool
    sight: Sight
    asking: Asking
    feed: Feed
    accounts: Accounts
    moves: Moves


def api(faces: Faces) -> FastAPI:
    """The app, with its OpenAPI document at /openapi.json; it belongs behind `guard.Guard`."""
    app = FastAPI(title="rollout", version="v1alpha1", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    tell_mistakes(app)
    _of_rollouts(app, faces)
    tell(app, faces.accounts, faces.sight)
    _of_migrations(app, faces)
    tell_moves(app, faces.moves, faces.sight)
    _of_sources(app, faces)
    _of_the_caller(app, faces)
    return app


def _of_rollouts(app: FastAPI, faces: Faces) -> None:
    @app.get(ROLLOUTS, responses=dict(READ))
    async def rollouts(
        request: Request,
        namespace: Annotated[str, Query(max_length=63)] = "",
        phase: Annotated[str, Query(max_length=20)] = "",
        q: Annotated[str, Query(max_length=253, description="a piece of namespace/name")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = MOST_ITEMS,
        after: Annotated[str, Query(alias="continue", max_length=320)] = "",
    ) -> Page:
        """Rollouts by namespace and name, those that the caller may list."""
        caller = caller_of(request)
        spaces = {key.namespace for key in faces.rollouts.keys()} if not namespace else {namespace}
        seen = {space for space in sorted(spaces) if await faces.sight.sees(caller, "Rollout", space)}
        keys = [key for key in faces.rollouts.keys() if key.namespace in seen and q in str(key)]
        keys.sort(key=str)  # as pages go on: "shop-test/app" comes before "shop/app"
        if phase:
            keys = [stored.key for stored in _stored(faces, keys) if stored.status.phase.value == phase]
        # Only those of this page are read: what was never read has to be parsed, and thousands of that are seconds.
        shown, following = paged([(str(key), key) for key in keys], limit, after)
        items = [summary(stored) for stored in _stored(faces, shown)]
        return Page.model_validate({"items": items, "continue": following, "total": len(keys)})

    @app.get(ROLLOUT, responses=dict(ONE))
    async def rollout(request: Request, namespace: str, name: str) -> One:
        """One Rollout with its status."""
        caller = caller_of(request)
        await faces.sight.must_see(caller, "Rollout", namespace, f"Rollouts in {namespace}")
        stored = faces.rollouts.get(Key(namespace=namespace, name=name))
        if stored is None:
            raise HTTPException(404, f"there is no Rollout {namespace}/{name}")
        return one(stored)

    @app.post(ROLLOUT + "/commands", status_code=202, responses=dict(_ASK))
    async def order(request: Request, namespace: str, name: str, wanted: Order) -> Recorded:
        """Ask something of a Rollout in the caller's own name."""
        return await faces.asking.of_rollout(caller_of(request), Key(namespace=namespace, name=name), wanted)

    @app.get(ROLLOUT + "/commands/{command}", responses=dict(ONE))
    async def answer(request: Request, namespace: str, name: str, command: str) -> Answer:
        """What became of a command for this Rollout."""
        caller = caller_of(request)
        await faces.sight.must_see(caller, "RolloutCommand", namespace, f"RolloutCommands in {namespace}")
        return await faces.asking.answered("Rollout", Key(namespace=namespace, name=name), command)


def _stored(faces: Faces, keys: Iterable[Key]) -> Iterator[Stored]:
    return (stored for key in keys if (stored := faces.rollouts.get(key)) is not None)


def _of_migrations(app: FastAPI, faces: Faces) -> None:
    @app.get(MIGRATIONS, responses=dict(READ))
    async def migrations(request: Request) -> Migrations:
        """All MeshMigrations with their namespaces; none for a caller who may not list them."""
        caller = caller_of(request)
        if not await faces.sight.sees(caller, "MeshMigration", ""):
            return Migrations(items=[])
        return Migrations(items=[migration(stored) for stored in faces.moves.stored()])

    @app.get(MIGRATION, responses=dict(ONE))
    async def one_migration(request: Request, name: str) -> Migration:
        """One MeshMigration with its namespaces."""
        await faces.sight.must_see(caller_of(request), "MeshMigration", "", "MeshMigrations")
        found = next((stored for stored in faces.moves.stored() if stored.name == name), None)
        if found is None:
            raise HTTPException(404, f"there is no MeshMigration {name}")
        return migration(found)

    @app.post(MIGRATION + "/commands", status_code=202, responses=dict(_ASK))
    async def order(request: Request, name: str, wanted: MoveOrder) -> Recorded:
        """Ask something of a MeshMigration in the caller's own name."""
        return await faces.asking.of_migration(caller_of(request), name, wanted)

    @app.get(MIGRATION + "/commands/{command}", responses=dict(ONE))
    async def answer(request: Request, name: str, command: str) -> Answer:
        """What became of a command for this MeshMigration."""
        home = faces.asking.home
        await faces.sight.must_see(caller_of(request), "RolloutCommand", home, f"RolloutCommands in {home}")
        return await faces.asking.answered("MeshMigration", Key(namespace=home, name=name), command)


def _of_sources(app: FastAPI, faces: Faces) -> None:
    @app.post(SOURCE + "/commands", status_code=202, responses=dict(_ASK))
    async def order(request: Request, namespace: str, name: str, wanted: SourceOrder) -> Recorded:
        """Let the commit of a GitSource go on that waits, in the caller's own name."""
        return await faces.asking.of_source(caller_of(request), Key(namespace=namespace, name=name), wanted)

    @app.get(SOURCE + "/commands/{command}", responses=dict(ONE))
    async def answer(request: Request, namespace: str, name: str, command: str) -> Answer:
        """What became of a command for this GitSource."""
        caller = caller_of(request)
        await faces.sight.must_see(caller, "RolloutCommand", namespace, f"RolloutCommands in {namespace}")
        return await faces.asking.answered("GitSource", Key(namespace=namespace, name=name), command)


def _of_the_caller(app: FastAPI, faces: Faces) -> None:
    @app.get("/api/v1/me", responses=dict(READ))
    async def me(request: Request) -> Me:
        """Who the caller is, how that was proven, and until when."""
        caller = caller_of(request)
        identity = caller.identity if caller else None
        return Me(
            user=identity.user if identity else None,
            groups=list(identity.groups) if identity else [],
            open=faces.is_open,
            way=caller.way.value if caller else None,
            until=caller.until if caller else None,
        )

    @app.get("/api/v1/changes", response_class=StreamingResponse, responses=dict(READ))
    async def changes(request: Request) -> StreamingResponse:
        """What changes, as server-sent events: `rollout` and `meshmigration` name one, `reset` says to read all again."""
        caller = caller_of(request)
        return streamed(faces.feed, faces.sight, caller, request.state.is_still)
