"""How is a webhook of a Rollout written, and which Hook does it mean?"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from rollout.durations import duration
from rollout.manifest.data import Path
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Between, Duration, Form, Never, Text, placed, rules
from rollout.manifest.gitsource import SecretRefForm
from rollout.model.hooks import COUNTED, MOST_HOOKS, Hook, HookType
from rollout.model.names import Key

MOST_METADATA = 32
_COUNTED = "['" + "', '".join(sorted(COUNTED)) + "']"
# What the news say by themselves; metadata of these names would hide it.
_OF_EVENTS = ("eventMessage", "eventType", "timestamp")

HookName = Annotated[
    str,
    Text(
        "the name of a webhook: letters, digits, spaces, dots, dashes and underscores",
        r"^[A-Za-z0-9]([-A-Za-z0-9_. ]*[A-Za-z0-9])?$",
        63,
    ),
]
HookUrl = Annotated[
    str,
    Text("a URL that starts with http:// or https://", r"^https?://[^\s]+$", 1024),
    Never(r"^https?://([/?#:]|$)", "names no host"),
    Never(r"^https?://[^/?#]*@", "holds credentials, which everybody may read; sign the calls by secretRef instead"),
]
MetadataName = Annotated[str, Text("a name in metadata", "", 253)]
MetadataText = Annotated[str, Text("a text", "", 4096, 0)]


class WebhookForm(Form):
    """Somebody outside who is asked, or told; a POST whose answer 200, 201 or 202 means yes."""

    model_config = rules(
        (
            f"!has(self.failures) || self.type in {_COUNTED}",
            "only pre-rollout and rollout count failures",
        ),
        (
            (
                "self.type != 'event' || !has(self.metadata)"
                " || !self.metadata.exists(one, one in ['eventMessage', 'eventType', 'timestamp'])"
            ),
            "eventMessage, eventType and timestamp are the news' own",
        ),
    )

    name: HookName = Field(description="What it is called in what people are told; one of its own.")
    type: Literal[
        "confirm-rollout",
        "pre-rollout",
        "rollout",
        "confirm-traffic-increase",
        "confirm-promotion",
        "post-rollout",
        "rollback",
        "event",
    ] = Field(default="rollout", description="When it is called and what its answer means (docs/hooks.md).")
    url: HookUrl = Field(description="Where to; redirects are not followed.")
    timeout: Annotated[Duration, Between("1s", "1h")] = Field(default="10s", description="For each call.")
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2, description="Further calls after a 5xx or no answer; any other answer counts at once."
    )
    metadata: Annotated[dict[MetadataName, MetadataText], Field(max_length=MOST_METADATA)] | None = Field(
        default=None, description="Sent along; {revision}, {namespace} and {name} in its values are filled in."
    )
    secret_ref: SecretRefForm | None = Field(
        default=None, description="Secret with `secret`: signs each call by Standard Webhooks."
    )
    failures: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="So many failing calls in a row end the run; 1 when absent."
    )
    mute_alert: bool = Field(default=False, description="True: a gate that stays closed is no news.")


Webhooks = Annotated[list[WebhookForm], Field(max_length=MOST_HOOKS)]
HOOK_NAMES: tuple[tuple[str, str], ...] = (
    (
        "!has(self.webhooks) || self.webhooks.all(one, self.webhooks.exists_one(other, other.name == one.name))",
        "each webhook has a name of its own",
    ),
)


def webhook_problems(forms: list[WebhookForm] | None, path: Path) -> Iterator[Problem]:
    """What is wrong between the fields of the webhooks, and between them."""
    first: dict[str, int] = {}
    for index, form in enumerate(forms or ()):
        at = (*path, index)
        if form.name in first:
            message = f"webhook {form.name} is here twice, also as webhooks[{first[form.name]}]; rename one"
            yield Problem(path=(*at, "name"), message=message)
        first.setdefault(form.name, index)
        if form.failures is not None and form.type not in COUNTED:
            message = f"{form.type} counts no failures, only pre-rollout and rollout do; leave failures out"
            yield Problem(path=(*at, "failures"), message=message)
        taken = [name for name in _OF_EVENTS if form.type == "event" and name in (form.metadata or {})]
        if taken:
            yield Problem(path=(*at, "metadata", taken[0]), message=f"{taken[0]} is the news' own; rename it")


def webhooks(forms: list[WebhookForm] | None, key: Key) -> tuple[Hook, ...]:
    """The hooks; only for forms without problems."""
    return tuple(
        Hook(
            name=form.name,
            type=HookType(form.type),
            url=form.url,
            timeout=duration(form.timeout),
            retries=form.retries,
            metadata=tuple((name, placed(text, key)) for name, text in sorted((form.metadata or {}).items())),
            secret=form.secret_ref.name if form.secret_ref else "",
            failures=form.failures or 1,
            mute_alert=form.mute_alert,
        )
        for form in forms or ()
    )
