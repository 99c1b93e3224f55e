"""Where would a token go, and of which repository would it speak?"""

import pytest

from adapters.forges.places import Place, place_of
from adapters.forges.table import FORGES
from adapters.git.allowed import Urls
from rollout.model.names import Key
from rollout.model.source import Forge, ForgeKind, GitSource
from rollout.ports.errors import Rejected

GITHUB, GITLAB, GITEA = ForgeKind


def place(kind: ForgeKind, url: str, api: str = "", *, urls: Urls | None = None) -> tuple[str, str]:
    """API and repository of a source with this URL."""
    forge = Forge(kind=kind, secret="forge", api=api)
    source = GitSource(key=Key(namespace="shop", name="apps"), url=url, forge=forge)
    found: Place = place_of(source, FORGES[kind], (urls or Urls()).scheme)
    return found.api, found.repository


@pytest.mark.parametrize(
    ("kind", "url", "api", "repository"),
    [
        (GITHUB, "https://github.com/shop/specs.git", "https://api.github.com", "shop/specs"),
        (GITHUB, "https://github.com/shop/specs", "https://api.github.com", "shop/specs"),
        (GITHUB, "https://GitHub.com/shop/specs/", "https://api.github.com", "shop/specs"),
        (GITHUB, "ssh://git@github.com/shop/specs.git", "https://api.github.com", "shop/specs"),
        (GITHUB, "ssh://git@ssh.github.com:443/shop/specs.git", "https://api.github.com", "shop/specs"),
        (GITHUB, "https://git.example.org/shop/specs.git", "https://git.example.org/api/v3", "shop/specs"),
        (GITLAB, "https://gitlab.com/shop/specs.git", "https://gitlab.com/api/v4", "shop%2Fspecs"),
        (GITLAB, "https://gitlab.com/a/b/c/specs.git", "https://gitlab.com/api/v4", "a%2Fb%2Fc%2Fspecs"),
        (GITLAB, "ssh://git@git.example.org:2222/a/b/specs", "https://git.example.org/api/v4", "a%2Fb%2Fspecs"),
        (GITLAB, "ssh://git@altssh.gitlab.com:443/a/specs.git", "https://gitlab.com/api/v4", "a%2Fspecs"),
        (GITEA, "https://git.example.org:3000/shop/specs.git", "https://git.example.org:3000/api/v1", "shop/specs"),
        (GITEA, "https://codeberg.org/shop/my%20specs.git", "https://codeberg.org/api/v1", "shop/my%20specs"),
        (GITEA, "ssh://git@[2001:db8::1]:2222/shop/specs", "https://[2001:db8::1]/api/v1", "shop/specs"),
    ],
)
def test_api_and_repository_follow_from_the_url(kind: ForgeKind, url: str, api: str, repository: str) -> None:
    assert place(kind, url) == (api, repository)


@pytest.mark.parametrize(
    ("kind", "url", "api", "repository"),
    [
        (GITEA, "https://example.org/git/shop/specs.git", "https://example.org/git/api/v1", "shop/specs"),
        (GITLAB, "https://example.org/lab/a/specs.git", "https://example.org/lab/api/v4/", "a%2Fspecs"),
        (GITHUB, "https://shop.ghe.com/shop/specs", "https://api.shop.ghe.com", "shop/specs"),
    ],
)
def test_a_stated_api_is_used_and_the_repository_still_follows_from_the_url(
    kind: ForgeKind, url: str, api: str, repository: str
) -> None:
    assert place(kind, url, api) == (api.rstrip("/"), repository)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (GITHUB, "https://github.com/specs.git"),
        (GITHUB, "https://github.com/shop/specs/tree"),
        (GITEA, "https://git.example.org/git/shop/specs.git"),
        (GITLAB, "https://gitlab.com/specs"),
        (GITHUB, "https://github.com/../specs"),
        (GITHUB, "https://github.com/shop/%2e%2e"),
        (GITHUB, "https://github.com/shop%2Fother/specs"),
        (GITLAB, "https://gitlab.com/shop//specs"),
        (GITHUB, "https://github.com/shop/specs%0a"),
    ],
)
def test_a_path_that_names_no_repository_is_refused(kind: ForgeKind, url: str) -> None:
    with pytest.raises(Rejected, match=r"spec\.url: .* keeps repositories as"):
        place(kind, url)


def test_a_repository_on_disk_has_no_forge() -> None:
    with pytest.raises(Rejected, match=r"leave spec\.commitStatus out"):
        place(GITEA, "file:///srv/shop/specs.git", urls=Urls(file=True))


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("http://git.example.org/shop/specs", ""),
        ("http://127.0.0.1:3000/shop/specs", ""),
        ("https://git.example.org/shop/specs", "http://git.example.org/api/v1"),
        ("https://git.example.org/shop/specs", "ftp://git.example.org/api/v1"),
        ("https://git.example.org/shop/specs", "file:///api/v1"),
        ("https://git.example.org/shop/specs", "https://ana:secret@git.example.org/api/v1"),
    ],
)
def test_an_api_that_a_token_must_not_go_to_is_refused(url: str, api: str) -> None:
    with pytest.raises(Rejected, match=r"spec\.commitStatus\.apiUrl") as refused:
        place(GITEA, url, api)

    assert "secret@" not in str(refused.value)


def test_plain_http_to_this_machine_may_be_let_in_as_for_git() -> None:
    api, _ = place(GITEA, "http://127.0.0.1:3000/shop/specs", urls=Urls(file=True))

    assert api == "http://127.0.0.1:3000/api/v1"
