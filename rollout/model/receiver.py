"""Who may knock from outside, how is he known, and what may he ask for?"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from policies.approval import Approvers
from rollout.model.commands import Verb
from rollout.model.names import Key


class Sender(StrEnum):
    """Who sends."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"  # and Forgejo
    GENERIC = "generic"  # whoever signs with HMAC
    SLACK = "slack"
    CALLBACK = "callback"


GIT_HOSTS = frozenset({Sender.GITHUB, Sender.GITLAB, Sender.GITEA, Sender.GENERIC})


class Proof(StrEnum):
    """How a callback proves itself."""

    STANDARD = "standard-webhooks"
    HMAC = "hmac"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """Whose tokens are believed. claims: what else a token must say, name and value; never empty for a public issuer."""

    issuer: str
    audience: str
    claims: tuple[tuple[str, str], ...] = ()
    groups_claim: str = "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What somebody may ask for by this Receiver. who: None for everybody whom it can prove."""

    verbs: tuple[Verb, ...]
    who: Approvers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A Receiver's spec. secret: name of the Secret; `secret` and, while it is changed, `previous` in it both count.

    sources: GitSources of its namespace that a git host may have looked at. workspace: Slack's team id. namespaces: whose
    objects its people may steer, () for its own (a Receiver elsewhere than in the controller's namespace has no other).
    most_per_minute: requests; more are answered 429.
    """

    key: Key
    sender: Sender
    secret: str
    sources: tuple[str, ...] = ()
    workspace: str = ""
    proof: Proof = Proof.STANDARD
    oidc: Oidc | None = None
    grants: tuple[Grant, ...] = ()
    namespaces: tuple[str, ...] = ()
    most_per_minute: int = 600
    replay_window: timedelta = timedelta(minutes=5)
    suspend: bool = False
