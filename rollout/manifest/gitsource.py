"""How is a GitSource written, and which source does it mean?"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from rollout.durations import duration
from rollout.manifest.fields import Between, Duration, Form, Never, ObjectName, Text
from rollout.model.names import Key
from rollout.model.source import DeletionPolicy, Forge, ForgeKind, GitSource, OnInvalid, OnRewrite

_CREDENTIALS = "holds credentials, which everybody may read; move them to a Secret and name it in secretRef"
Url = Annotated[
    str,
    Text("a URL that starts with https://, http://, ssh:// or file://", r"^(https?|ssh|file)://[^\s]+$", 2048),
    Never(r"^(https?|ssh)://([/?#]|$)", "names no host"),
    Never(r"^https?://[^/?#]*@|^[a-z]+://[^/?#]*:[^/?#]*@", _CREDENTIALS),
]
# git check-ref-format(1), and nothing that could be read as an option
Ref = Annotated[
    str,
    Text("the name of a branch or tag, or a full ref", r"^[A-Za-z0-9_][-A-Za-z0-9_./+@]*$", 244),
    Never(r"\.\.|//|/\.|\.lock/|/$|\.$|\.lock$", "is no name that git takes"),
]
Folder = Annotated[
    str,
    Text("a folder in the repository, without a leading /", r"^([^/\s\x00-\x1f][^\x00-\x1f]*)?$", 512, 0),
    Never(r"(^|/)\.\.(/|$)", "leaves the repository; write it without .."),
]


class SecretRefForm(Form):
    """A Secret of the same namespace."""

    name: ObjectName = Field(description="Its name.")


class VerifyForm(Form):
    """Each commit must be signed by one of the keys in a Secret."""

    secret_ref: SecretRefForm = Field(description="Secret with public keys: entries *.sshpub (SSH) and *.asc (GPG).")


class CommitStatusForm(Form):
    """Say on the git host how each commit fares."""

    kind: Literal["github", "gitlab", "gitea"] = Field(description="Whose API it is; gitea is Forgejo's too.")
    secret_ref: SecretRefForm = Field(description="Secret with the API token in `token`.")
    api_url: Url | None = Field(
        default=None, description="Base of the API; the usual one of the host in url when absent."
    )


class GitSourceForm(Form):
    """A folder of a git repository whose specs are brought into the cluster."""

    url: Url = Field(description="Where the repository is; credentials belong into secretRef.")
    ref: Ref = Field(default="main", description="Branch, tag or full ref.")
    path: Folder | None = Field(default=None, description="Folder with the specs; all of the repository when absent.")
    interval: Annotated[Duration, Between("5s", "24h")] = Field(default="60s", description="Time between two looks.")
    secret_ref: SecretRefForm | None = Field(default=None, description="Secret with the credentials.")
    verify: VerifyForm | None = Field(default=None, description="Take only signed commits.")
    commit_status: CommitStatusForm | None = Field(
        default=None, description="Say on the git host how each commit fares."
    )
    on_rewrite: Literal["allow", "hold"] = Field(
        default="allow", description="hold: a commit that does not follow from the last one waits for a person."
    )
    on_invalid: Literal["keep-all", "skip-file"] = Field(
        default="keep-all",
        description="keep-all: an invalid file keeps the whole commit out. skip-file: that file alone.",
    )
    prune: bool = Field(default=True, description="Whether what leaves git leaves the cluster.")
    deletion_policy: Literal["Orphan", "Delete"] = Field(
        default="Orphan", description="What becomes of what it applied when the GitSource is deleted."
    )
    suspend: bool = Field(default=False, description="True: git is not looked at.")


def git_source(form: GitSourceForm, key: Key) -> GitSource:
    """The source that a form means."""
    return GitSource(
        key=key,
        url=form.url,
        ref=form.ref,
        path=(form.path or "").strip("/"),
        interval=duration(form.interval),
        secret=form.secret_ref.name if form.secret_ref else "",
        verify=form.verify.secret_ref.name if form.verify else "",
        forge=_forge(form.commit_status),
        on_rewrite=OnRewrite(form.on_rewrite),
        on_invalid=OnInvalid(form.on_invalid),
        prune=form.prune,
        deletion_policy=DeletionPolicy(form.deletion_policy),
        suspend=form.suspend,
    )


def _forge(form: CommitStatusForm | None) -> Forge | None:
    if form is None:
        return None
    return Forge(kind=ForgeKind(form.kind), secret=form.secret_ref.name, api=form.api_url or "")


class SourceConditionForm(Form):
    """A Kubernetes condition (kstatus)."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime


class GitSourceStatusForm(Form):
    """What the controller remembers of a GitSource."""

    observed_generation: int | None = Field(default=None, description="The generation that it speaks of.")
    commit: str | None = Field(default=None, description="The last commit that was applied.")
    attempted: str | None = Field(default=None, description="The last commit that was looked at.")
    attempted_at: datetime | None = Field(default=None, description="When that or its outcome last changed.")
    applied: int | None = Field(default=None, description="Objects of ours in the commit.")
    foreign: int | None = Field(default=None, description="Objects of others in the commit, which are ignored.")
    handled_request: str | None = Field(default=None, description="The look-now annotation that was last obeyed.")
    signer: str | None = Field(default=None, description="Who signed that commit, where the source asks for it.")
    confirmed: str | None = Field(default=None, description="The commit that a person let delete or rewrite history.")
    waiting: str | None = Field(default=None, description="The commit that a person has to confirm before it is taken.")
    origin: str | None = Field(default=None, description="URL and ref that the applied commit came from.")
    conditions: Annotated[list[SourceConditionForm], Field(max_length=20)] | None = None
