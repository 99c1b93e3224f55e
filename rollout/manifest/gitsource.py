"""How is a GitSource written, and which source does it mean?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from rollout.manifest.bounds import between
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Duration, Form, ObjectName, Text
from rollout.manifest.quantities import duration
from rollout.model.names import Key
from rollout.model.source import DeletionPolicy, GitSource, OnInvalid

Url = Annotated[
    str, Text("a URL that starts with https://, http://, ssh:// or file://", r"^(https?|ssh|file)://[^\s]+$", 2048)
]
# git check-ref-format(1), and nothing that could be read as an option
Ref = Annotated[str, Text("the name of a branch or tag, or a full ref", r"^[A-Za-z0-9_][-A-Za-z0-9_./+@]*$", 244)]
Folder = Annotated[
    str, Text("a folder in the repository, without a leading /", r"^([^/\s\x00-\x1f][^\x00-\x1f]*)?$", 512, 0)
]
_BAD_REF = ("..", "//", "@{", "/.", ".lock/")


class SecretRefForm(Form):
    """A Secret of the same namespace."""

    name: ObjectName = Field(description="Its name.")


class GitSourceForm(Form):
    """A folder of a git repository whose specs are brought into the cluster."""

    url: Url = Field(description="Where the repository is; credentials belong into secretRef.")
    ref: Ref | None = Field(default=None, description="Branch, tag or full ref. Default main.")
    path: Folder | None = Field(default=None, description="Folder with the specs; all of the repository when absent.")
    interval: Duration | None = Field(default=None, description="Time between two looks, 5s to 24h. Default 60s.")
    secret_ref: SecretRefForm | None = Field(default=None, description="Secret with the credentials.")
    on_invalid: Literal["keep-all", "skip-file"] | None = Field(
        default=None, description="keep-all: an invalid file keeps the whole commit out. Default keep-all."
    )
    prune: bool | None = Field(default=None, description="Whether what leaves git leaves the cluster. Default true.")
    deletion_policy: Literal["Orphan", "Delete"] | None = Field(
        default=None, description="What becomes of what it applied when the GitSource is deleted. Default Orphan."
    )
    suspend: bool | None = Field(default=None, description="True: git is not looked at. Default false.")


def gitsource_problems(form: GitSourceForm) -> Iterator[Problem]:
    """What is wrong in a GitSource though each field has its shape."""
    url = urlsplit(form.url)
    if url.scheme != "file" and not url.netloc:
        yield Problem(path=("spec", "url"), message=f"url {form.url} names no host")
    if url.password is not None or (url.scheme in ("http", "https") and "@" in url.netloc):
        message = "url holds credentials, which everybody may read; move them to a Secret and name it in secretRef"
        yield Problem(path=("spec", "url"), message=message)
    ref = form.ref or ""
    if any(part in ref for part in _BAD_REF) or ref.endswith(("/", ".", ".lock")):
        yield Problem(path=("spec", "ref"), message=f"ref {ref} is no name that git takes")
    if ".." in (form.path or "").split("/"):
        yield Problem(path=("spec", "path"), message=f"path {form.path} leaves the repository; write it without ..")
    yield from between(form.interval, ("spec", "interval"), timedelta(seconds=5), timedelta(hours=24))


def git_source(form: GitSourceForm, key: Key) -> GitSource:
    """The model's source; only for a form without problems."""
    usual = GitSource(key=key, url=form.url)
    return GitSource(
        key=key,
        url=form.url,
        ref=form.ref or usual.ref,
        path=(form.path or "").strip("/"),
        interval=duration(form.interval) if form.interval else usual.interval,
        secret=form.secret_ref.name if form.secret_ref else "",
        on_invalid=OnInvalid(form.on_invalid or usual.on_invalid),
        prune=usual.prune if form.prune is None else form.prune,
        deletion_policy=DeletionPolicy(form.deletion_policy or usual.deletion_policy),
        suspend=bool(form.suspend),
    )


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
    conditions: Annotated[list[SourceConditionForm], Field(max_length=20)] | None = None
