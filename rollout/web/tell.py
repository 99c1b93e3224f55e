"""How is told over HTTP why a Rollout stands as it does, how it came to that, and what would come of it?

By the same words as the CLI's. Whoever may list Rollouts is told all that the controller itself says of one; what people
asked for in RolloutCommands, refused wishes included, takes the right to list those.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI, HTTPException, Request

from rollout.model.names import Key
from rollout.ports.errors import NotFound, PortError, Rejected
from rollout.progression.telling import NEEDS_A_PERSON
from rollout.services import plan_account, tree_account
from rollout.services.account import screen
from rollout.services.account_data import as_data, audit_data, history_data
from rollout.services.accounts import Accounts
from rollout.services.offers import Offer, offers
from rollout.services.paper import Paper
from rollout.services.queries import Standing
from rollout.web.callers import caller_of
from rollout.web.responses import ONE
from rollout.web.shapes_account import Why
from rollout.web.shapes_past import AuditTrail, History, Trace
from rollout.web.shapes_plan import Planned, Tree
from rollout.web.sight import Sight

ROLLOUT = "/api/v1/rollouts/{namespace}/{name}"
Found = Callable[[Request, str, str], Awaitable[Standing]]
_PAGE = Paper()  # symbols and no colour; lines are wrapped where they are shown


def tell(app: FastAPI, accounts: Accounts, sight: Sight) -> None:
    """Add the routes."""

    async def found(request: Request, namespace: str, name: str) -> Standing:
        await sight.must_see(caller_of(request), "Rollout", namespace, f"Rollouts in {namespace}")
        standing = accounts.standing(Key(namespace=namespace, name=name))
        if standing is None:
            raise HTTPException(404, f"there is no Rollout {namespace}/{name}")
        return standing

    @app.get(ROLLOUT + "/why", responses=dict(ONE))
    async def why(request: Request, namespace: str, name: str) -> Why:
        """Why it stands as it does, with every rule and number, what happens next, and what may be asked of it now."""
        account = await accounts.why(await found(request, namespace, name))
        reasons = account.standing.status.reasons
        return Why.model_validate(
            {
                "at": account.now,
                "account": as_data(account),
                "needsPerson": [one.code for one in reasons if one.code in NEEDS_A_PERSON],
                "lines": screen(account, _PAGE),
                "offers": [_offer(one) for one in offers(account)],
            }
        )

    @app.get(ROLLOUT + "/history", responses=dict(ONE))
    async def history(request: Request, namespace: str, name: str) -> History:
        """The last ten runs, the newest first."""
        return History.model_validate(history_data(await found(request, namespace, name)))

    @app.get(ROLLOUT + "/audit", responses=dict(ONE))
    async def audit(request: Request, namespace: str, name: str) -> AuditTrail:
        """Who did what to it, from which channel, proven how, the newest first."""
        standing = await found(request, namespace, name)
        unread = await sight.unread(caller_of(request), namespace)
        return AuditTrail.model_validate(audit_data(standing, accounts.audit(standing, unread=unread)))

    @app.get(ROLLOUT + "/trace", responses=dict(ONE))
    async def trace(request: Request, namespace: str, name: str) -> Trace:
        """How weights and objectives of the run in hand, and of the last one that ended, developed as far as was seen."""
        key = (await found(request, namespace, name)).key
        traces = accounts.traces
        return Trace.model_validate({"since": traces.since, "now": accounts.clock.now(), "runs": traces.of(key)})

    _tell_ahead(app, accounts, found)


def _tell_ahead(app: FastAPI, accounts: Accounts, found: Found) -> None:
    @app.get(ROLLOUT + "/plan", responses=dict(ONE))
    async def plan(request: Request, namespace: str, name: str) -> Planned:
        """The weights of every object at each step of the run in hand, or of the one that would begin now."""
        standing = await found(request, namespace, name)
        with _looking(standing):
            told = await accounts.plan(standing)
        account, lines = plan_account.as_data(told), plan_account.screen(told, _PAGE)
        return Planned.model_validate({"at": accounts.clock.now(), "account": account, "lines": lines})

    @app.get(ROLLOUT + "/tree", responses=dict(ONE))
    async def tree(request: Request, namespace: str, name: str) -> Tree:
        """Its routes, their backends with weights as they are and as wanted, and the workloads behind them."""
        standing = await found(request, namespace, name)
        with _looking(standing):
            view = await accounts.look(standing)
        account, lines = tree_account.as_data(view), tree_account.screen(view, _PAGE)
        return Tree.model_validate({"at": view.now, "account": account, "lines": lines})


@contextmanager
def _looking(standing: Standing) -> Iterator[None]:
    """What keeps somebody from looking, as HTTPException: 404 where there is nothing that can be read."""
    try:
        yield
    except (NotFound, Rejected) as error:
        raise HTTPException(404, f"nothing to tell of Rollout {standing.key}: {error}") from error
    except PortError as error:
        raise HTTPException(503, str(error)) from error


def _offer(offer: Offer) -> dict[str, object]:
    bound = offer.binding
    return {
        "verb": offer.verb.value,
        "run": bound.run,
        "step": bound.step,
        "revision": bound.revision,
        "template": bound.template,
        "effect": offer.effect,
        "backends": list(offer.backends),
    }
