"""What does each forge call the same things?

One row per API. Sources: GitHub's "REST API endpoints for commit statuses" (2022-11-28), GitLab's "Commits API" (v4),
Gitea's swagger (v1), which Forgejo keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollout.model.source import ForgeKind
from rollout.ports.forges import CommitState

PENDING, SUCCESS, FAILURE, SUPERSEDED = CommitState


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One forge's API.

    base: where the API is below the host; elsewhere: hosts whose API is at another one. nested: whether a repository
    may lie deeper than owner/name. shown, said: paths of the list and of a new status, with `{repository}` and
    `{commit}`. page_size: the parameter's name, and the most that it may ask for. next_page: the header with the next
    page's number; "" where only `Link` says that there is one. inside: the field of the answer that holds the list, ""
    where the answer is the list. context, state: fields of an entry. words: what is written; read: more words that are
    met. token: header and what stands before the token. repeated: words of the error for a state that is there
    already, with `{state}`; "" where that is no error. probe: path of a commit, which is asked for where a status of a
    commit that is not there is answered with 500; "" where the forge says so itself.
    """

    name: str
    base: str
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    nested: bool = False
    shown: str
    said: str
    page_size: tuple[str, int]
    next_page: str = ""
    inside: str = ""
    context: str
    state: str
    words: Mapping[CommitState, str]
    read: Mapping[str, CommitState]
    token: tuple[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    repeated: str = ""
    probe: str = ""

    def state_of(self, word: object) -> CommitState | None:
        """What a word of this forge means; None for one that we do not know."""
        own = {text: state for state, text in self.words.items()}
        return {**self.read, **own}.get(str(word))


FORGES: Mapping[ForgeKind, Row] = {
    ForgeKind.GITHUB: Row(
        name="GitHub",
        base="/api/v3",
        elsewhere={"github.com": "https://api.github.com", "ssh.github.com": "https://api.github.com"},
        shown="/repos/{repository}/commits/{commit}/status",
        said="/repos/{repository}/statuses/{commit}",
        page_size=("per_page", 100),
        inside="statuses",
        context="context",
        state="state",
        words={PENDING: "pending", SUCCESS: "success", FAILURE: "failure", SUPERSEDED: "error"},
        read={},
        token=("Authorization", "Bearer "),
        headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
    ),
    ForgeKind.GITLAB: Row(
        name="GitLab",
        base="/api/v4",
        elsewhere={"altssh.gitlab.com": "https://gitlab.com/api/v4"},
        nested=True,
        shown="/projects/{repository}/repository/commits/{commit}/statuses",
        said="/projects/{repository}/statuses/{commit}",
        page_size=("per_page", 100),
        next_page="X-Next-Page",
        context="name",
        state="status",
        # `pending` is a job that nobody has begun
        words={PENDING: "running", SUCCESS: "success", FAILURE: "failed", SUPERSEDED: "canceled"},
        read={"pending": PENDING, "created": PENDING},
        token=("PRIVATE-TOKEN", ""),
        headers={"Accept": "application/json"},
        repeated="Cannot transition status via .* from :{state}",
    ),
    ForgeKind.GITEA: Row(
        name="Gitea",
        base="/api/v1",
        shown="/repos/{repository}/statuses/{commit}",
        said="/repos/{repository}/statuses/{commit}",
        page_size=("limit", 50),  # MAX_RESPONSE_ITEMS of an installation that was not changed
        context="context",
        state="status",
        words={PENDING: "pending", SUCCESS: "success", FAILURE: "failure", SUPERSEDED: "warning"},
        read={"error": FAILURE},
        token=("Authorization", "token "),
        headers={"Accept": "application/json"},
        probe="/repos/{repository}/git/commits/{commit}",
    ),
}
