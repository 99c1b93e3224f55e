"""What may the body of a callback say?"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.services.ordering import Binding, Demand
from webhooks.knock import Refusal, RefusedError

_MOST_PROBLEMS = 5  # told at once
_TO_STEP = ("approve", "promote")  # what is bound to a step, too
Name = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
ObjectName = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Line = r"^[^\x00-\x1f\x7f]*$"  # no control characters: it is shown on terminals


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TargetBody(_Strict):
    """What is meant."""

    kind: Literal["Rollout", "MeshMigration"] = Field(default="Rollout", description="Rollout, or MeshMigration.")
    namespace: Name | None = Field(default=None, description="A Rollout's namespace; a MeshMigration is in none.")
    name: ObjectName


class CallbackBody(_Strict):
    """What a pipeline asks for, and what it has seen when it decided to."""

    target: TargetBody
    verb: Literal["approve", "reject", "abort", "promote", "pause", "resume", "override"]
    run: Annotated[int, Field(ge=0, le=2**31)] | None = Field(default=None, description="The run that is meant.")
    step: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None, description="The step that is meant; approve and promote need it."
    )
    revision: Annotated[str, Field(min_length=1, max_length=253, pattern=Line)] | None = Field(
        default=None, description="The revision that is meant."
    )
    template: Annotated[str, Field(min_length=1, max_length=64, pattern=Line)] | None = Field(
        default=None, description="The hash of the canary's pod template, where it was seen."
    )
    subject: Name | None = Field(default=None, description="Of a MeshMigration: the wave, or the namespace.")
    reason: Annotated[str, Field(max_length=512, pattern=Line)] = Field(default="", description="Why.")
    actor: Annotated[str, Field(max_length=128, pattern=Line)] = Field(
        default="", description="For whom, as the sender says; nobody has proven it, so nothing rests on it."
    )

    @model_validator(mode="after")
    def _fits_its_target(self) -> Self:
        if self.verb == "override" and not self.reason.strip():
            raise ValueError("override needs a reason")
        if self.target.kind == "MeshMigration":
            return self._fits_a_migration()
        if self.target.namespace is None or self.subject is not None:
            raise ValueError("a Rollout needs target.namespace and has no subject")
        if self.run is None or self.revision is None:
            raise ValueError("a demand for a Rollout says which run and revision are meant")
        if self.verb in _TO_STEP and self.step is None:
            raise ValueError(f"{self.verb} says which step is meant")
        return self

    def _fits_a_migration(self) -> Self:
        if self.target.namespace is not None:
            raise ValueError("a MeshMigration is in no namespace")
        if any(one is not None for one in (self.run, self.step, self.revision, self.template)):
            raise ValueError("a MeshMigration has no runs: leave run, step, revision and template out")
        return self


def demanded(body: bytes, home: str, once: str) -> Demand:
    """What a callback asks for; RefusedError says what is wrong with it. home: where commands for MeshMigrations live."""
    try:
        said = CallbackBody.model_validate_json(body)
    except ValidationError as error:
        raise RefusedError(Refusal.UNREADABLE, _told(error)) from error
    reason = "; ".join(
        part for part in (said.reason.strip(), said.actor and f"for {said.actor}, says the sender") if part
    )
    return Demand(
        key=Key(namespace=said.target.namespace or home, name=said.target.name),
        verb=Verb(said.verb),
        kind=said.target.kind,
        binding=Binding(run=said.run, step=said.step, revision=said.revision, template=said.template),
        channel="callback",
        subject=said.subject or "",
        reason=reason,
        once=once,
    )


def schema() -> dict[str, Any]:
    """The body of a callback, for the OpenAPI of its route."""
    body = CallbackBody.model_json_schema()
    body["properties"]["target"] = body.pop("$defs")[TargetBody.__name__]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}}


def _told(error: ValidationError) -> str:
    """What is wrong, without what was sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(str(part) for part in one['loc']) or 'body'}: {one['msg']}"[:200] for one in found]
    return "; ".join(lines[:_MOST_PROBLEMS])
