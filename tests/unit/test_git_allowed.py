"""Is everything refused that a GitSource may not ask git to do?"""

import pytest

from adapters.git.allowed import Urls, check_name, check_ref, checked_path
from rollout.ports.errors import Rejected

ATTACKS = (
    "ext::sh -c touch% /tmp/pwned",
    "ext://sh",
    "--upload-pack=touch /tmp/pwned",
    "-oProxyCommand=touch",
    "file:///srv/repo.git",
    "/srv/repo.git",
    "../repo.git",
    "http://git.example.org/a.git",
    "http://127.0.0.1/a.git",
    "ssh://git:hunter2@git.example.org/a.git",
    "ssh://-oProxyCommand=touch/a.git",
    "ssh://-oProxyCommand=touch@git.example.org/a.git",
    "ssh://git@-oProxyCommand=touch/a.git",
    "ssh://git@git.example.org:-oProxyCommand=touch/a.git",
    "ssh://$(touch)@git.example.org/a.git",
    "ssh://git@git.example.org/a'$(touch)'.git",
    "ssh://git@git.example.org/a;touch",
    "ssh://git@git.example.org/a%0atouch",
    "ssh://git@git.example.org/a\x00.git",
    "ssh://git@[fe80::1%25eth0]/a.git",
    "ssh://git@git.example.org",
    "git@git.example.org:a.git",
    "git://git.example.org/a.git",
    "fd::17",
    "https://",
    "https://-oProxyCommand=x/a.git",
    "https://git.example.org/a.git?x=1",
    "https://git.example.org/a.git#x",
    "https://git.example.org/a b.git",
    "https://git.example.org/a\n.git",
    "https://git.example.org\\@evil.example.org/a.git",
    "https://git.example.org:port/a.git",
    "https://[::1/a.git",
    "",
)


@pytest.mark.parametrize("url", ATTACKS)
def test_what_is_neither_plain_https_nor_plain_ssh_is_refused(url: str) -> None:
    with pytest.raises(Rejected, match=r"spec\.url"):
        Urls().scheme(url)


def test_https_is_allowed() -> None:
    assert Urls().scheme("https://git.example.org:8443/team/specs.git") == "https"


@pytest.mark.parametrize(
    "url", ["ssh://git@git.example.org:2222/team/specs.git", "ssh://git.example.org/~ana/a.git", "ssh://git@[::1]:22/a"]
)
def test_ssh_is_allowed_with_a_user_and_a_port(url: str) -> None:
    assert Urls().scheme(url) == "ssh"


def test_the_short_form_of_ssh_is_refused_with_the_long_one_to_write() -> None:
    with pytest.raises(Rejected, match=r"write ssh://git@git\.example\.org/team/specs\.git"):
        Urls().scheme("git@git.example.org:team/specs.git")


@pytest.mark.parametrize("scheme", ["https", "ssh"])
def test_a_password_in_the_url_is_refused_without_being_repeated(scheme: str) -> None:
    with pytest.raises(Rejected) as caught:
        Urls().scheme(f"{scheme}://ana:hunter2@git.example.org/a.git")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["file:///srv/a.git", "http://127.0.0.1:8080/a.git", "http://[::1]/a.git"])
def test_what_is_on_this_machine_is_allowed_by_the_file_setting(url: str) -> None:
    assert Urls(file=True).scheme(url) in ("file", "http")


@pytest.mark.parametrize("url", ["http://git.example.org/a.git", "file://host/a.git", "ext::sh"])
def test_the_file_setting_allows_nothing_else(url: str) -> None:
    with pytest.raises(Rejected):
        Urls(file=True).scheme(url)


def test_plain_http_to_other_hosts_has_a_setting_of_its_own() -> None:
    assert Urls(http=True).scheme("http://gitea.git.svc:3000/a.git") == "http"


@pytest.mark.parametrize("ref", ["main", "release/1.2", "v1.0", "refs/pull/420/head", "HEAD", "ünïcode"])
def test_names_that_git_gives_are_allowed(ref: str) -> None:
    check_ref(ref)


@pytest.mark.parametrize(
    "ref",
    [
        *("", "-", "--upload-pack=touch x", "-x", "@", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b"),
        *("a//b", "/a", "a/", "a.", "a.lock", "a/.b", "a@{1}", "a\n", "a\x7f", "a" * 300),
    ],
)
def test_names_that_git_never_gives_are_refused(ref: str) -> None:
    with pytest.raises(Rejected, match=r"spec\.ref"):
        check_ref(ref)


@pytest.mark.parametrize(
    "path", ["../x", "a/../b", "/etc", "a//b", "a/./b", ".git/hooks", "a/.GIT", "a\x00b", "a\nb", "e\u0301"]
)
def test_paths_that_lead_elsewhere_or_deceive_are_refused(path: str) -> None:
    with pytest.raises(Rejected, match=r"spec\.path"):
        checked_path(path)


@pytest.mark.parametrize(("path", "folder"), [("", ""), (".", ""), ("./", ""), ("./apps/", "apps"), ("a/b c", "a/b c")])
def test_a_folder_is_named_from_the_root(path: str, folder: str) -> None:
    assert checked_path(path) == folder


@pytest.mark.parametrize("name", ["a\u202eb.yaml", "a\udcffb.yaml", "x" * 600 + ".yaml", "a\tb.yaml"])
def test_file_names_that_deceive_are_refused(name: str) -> None:
    with pytest.raises(Rejected, match="rename it"):
        check_name(name, "repository")
