"""How is told over HTTP why a namespace stands where it does on its way into the mesh, and what is planned for it?

And what the checks find of it, and what was proven.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request

from rollout.ports.errors import NotFound, PortError, Rejected
from rollout.services import (
    evidence_account,
    migration_account,
    migration_evidence,
    migration_plan_account,
    preflight_account,
)
from rollout.services.migration_reads import Moving
from rollout.services.moves import Moves
from rollout.services.paper import Paper
from rollout.web.callers import caller_of
from rollout.web.responses import ONE
from rollout.web.shapes_evidence import Preflight, Proofs
from rollout.web.shapes_mesh import MovePlan, MoveWhy
from rollout.web.sight import Sight

MIGRATION = "/api/v1/meshmigrations/{name}"
Found = Callable[[Request, str], Awaitable[Moving]]
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

    _tell_checks(app, moves, found)
    _tell_proofs(app, moves, sight, found)


def _tell_checks(app: FastAPI, moves: Moves, found: Found) -> None:
    @app.get(MIGRATION + "/preflight", responses=dict(ONE))
    async def preflight(
        request: Request,
        name: str,
        namespace: Annotated[str, Query(max_length=63, description="of this one alone")] = "",
    ) -> Preflight:
        """What all checks find in the way of its namespaces, and how it is mended."""
        moving = await found(request, name)
        try:
            told = await moves.preflight(moving, namespace)
        except (NotFound, Rejected) as error:
            raise HTTPException(404, f"nothing is checked: {error}") from error
        except PortError as error:
            raise HTTPException(503, str(error)) from error
        account, lines = preflight_account.as_data(moving, told), preflight_account.screen(told, _PAGE, wide=True)
        return Preflight.model_validate({"at": moves.clock.now(), "account": account, "lines": lines})


def _tell_proofs(app: FastAPI, moves: Moves, sight: Sight, found: Found) -> None:
    @app.get(MIGRATION + "/namespaces/{namespace}/evidence", responses=dict(ONE))
    async def evidence(request: Request, name: str, namespace: str) -> Proofs:
        """What was proven of a namespace, with queries, values, times and who approved; whether a record was altered."""
        moving = await found(request, name)
        unread = await sight.unread(caller_of(request), moves.home)
        try:
            told = await moves.evidence(moving, namespace, unread=unread)
        except NotFound as error:
            raise HTTPException(404, str(error)) from error
        except PortError as error:
            raise HTTPException(503, str(error)) from error
        account, lines = migration_evidence.as_data(told), evidence_account.markdown(told)
        return Proofs.model_validate({"at": told.taken, "account": account, "lines": lines})
