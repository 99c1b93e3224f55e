"""Where is the API of the forge that keeps a source's repository, and what does it call the repository?

A token must reach no other host and speak of no other repository, so both come from `spec.url` and the forge's row
alone, or from `spec.commitStatus.apiUrl`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

from adapters.forges.table import Row
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected

Allowed = Callable[[str], object]  # raises Rejected for a URL that no GitSource may name


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Base of the API without a slash at its end, and the repository as it stands in the API's paths."""

    api: str
    repository: str


def place_of(source: GitSource, row: Row, allowed: Allowed) -> Place:
    """Where the source's statuses go; Rejected for URLs that are not allowed or name no repository."""
    url = urlsplit(source.url)
    if url.scheme not in ("https", "http", "ssh"):
        raise Rejected(
            f"spec.url: {_shown(source.url)}: no {row.name} keeps a {url.scheme} URL; leave spec.commitStatus out"
        )
    stated = source.forge.api.rstrip("/") if source.forge else ""
    api = stated or _derived(url, row)
    _check(api, allowed)
    return Place(api=api, repository=_repository(source.url, url, row, urlsplit(api)))


def _derived(url: SplitResult, row: Row) -> str:
    host = (url.hostname or "").lower()
    if host in row.elsewhere:
        return row.elsewhere[host]
    if url.scheme == "ssh":
        return f"https://{f'[{host}]' if ':' in host else host}{row.base}"  # the port is that of ssh
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{row.base}"


def _check(api: str, allowed: Allowed) -> None:
    """A token is sent there: https, or plain http where GitSources may use it."""
    if urlsplit(api).scheme not in ("https", "http"):
        raise Rejected(f"spec.commitStatus.apiUrl: {_shown(api)}: an API begins with https://")
    try:
        allowed(api)
    except Rejected as error:
        raise Rejected(f"spec.commitStatus.apiUrl: {_shown(api)} is not allowed: {error}") from error


def _repository(text: str, url: SplitResult, row: Row, api: SplitResult) -> str:
    """`owner/name`, or the whole path as one part, percent-encoded."""
    path = url.path.strip("/")
    root = api.path.removesuffix(row.base).strip("/")  # a forge may live below a folder of its host
    if root and api.hostname == url.hostname and path.startswith(f"{root}/"):
        path = path.removeprefix(f"{root}/")
    parts = [unquote(part) for part in path.removesuffix(".git").split("/")]
    fits = len(parts) >= 2 if row.nested else len(parts) == 2
    if not fits or any(part in ("", ".", "..") or "/" in part or not part.isprintable() for part in parts):
        wanted = "group/.../project" if row.nested else "owner/repository"
        raise Rejected(
            f"spec.url: {_shown(text)}: {row.name} keeps repositories as {wanted}; check the URL and commitStatus.kind"
        )
    return quote("/".join(parts), safe="") if row.nested else "/".join(quote(part, safe="") for part in parts)


def _shown(url: str) -> str:
    """A URL for messages: without what may be a password."""
    before, found, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://{after}" if found else url
