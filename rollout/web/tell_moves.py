"""How is told over HTTP why a namespace stands where it does on its way into the mesh, and what is planned for it?"""

from fastapi import FastAPI, HTTPException, Request

from rollout.ports.errors import NotFound, PortError, Rejected
from rollout.services import migration_account, migration_plan_account
from rollout.services.migration_reads import Moving
from rollout.services.moves import Moves
from rollout.services.paper import Paper
from rollout.web.callers import caller_of
from rollout.web.responses import ONE
from rollout.web.shapes_mesh import MovePlan, MoveWhy
from rollout.web.sight import Sight

MIGRATION = "/api/v1/meshmigrations/{name}"
_PAGE = Paper()


def tell_moves(app: FastAPI, moves: Moves, sight: Sight) -> None:
    """Add the routes."""

    async def found(request: Request, name: str) -> Moving:
        await sight.must_see(caller_of(request), "MeshMigration", "", "MeshMigrations")
        moving = moves.named(name)
        if moving is None:
            raise HTTPException(404, f"there is no MeshMigration {name}")
        return moving

    @app.get(MIGRATION + "/namespaces/{namespace}/why", responses=dict(ONE))
    async def why(request: Request, name: str, namespace: str) -> MoveWhy:
        """Which gate of a namespace waits for what, and who still speaks plaintext to it."""
        moving = await found(request, name)
        try:
            told = moves.why(moving, namespace)
        except NotFound as error:
            raise HTTPException(404, str(error)) from error
        account, lines = migration_account.as_data(told), migration_account.screen(told, _PAGE)
        return MoveWhy.model_validate({"at": told.now, "account": account, "lines": lines})

    @app.get(MIGRATION + "/plan", responses=dict(ONE))
    async def plan(request: Request, name: str) -> MovePlan:
        """All writes in order, wave by wave, and how long they take at least, as if nobody called anybody."""
        moving = await found(request, name)
        try:
            told = await moves.plan(moving)
        except Rejected as error:
            raise HTTPException(404, f"there is no plan: {error}") from error
        except PortError as error:
            raise HTTPException(503, str(error)) from error
        account, lines = migration_plan_account.as_data(told), migration_plan_account.screen(told, _PAGE)
        return MovePlan.model_validate({"at": told.now, "account": account, "lines": lines})
