"""Is each way in which git fails told as what its receiver must do?"""

import pytest

from adapters.git.failures import failure
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.sources import Credentials
from tests.support.git_fixtures import git_source

SOURCE = git_source("https://git.example.org/a.git", secret="git-login")
SAID: tuple[tuple[str, type[PortError], str], ...] = (
    ("fatal: unable to access 'u': The requested URL returned error: 403", Forbidden, "does not let us read it"),
    (
        "fatal: could not read Username for 'u': terminal prompts disabled",
        Forbidden,
        "Secret git-login are not accepted",
    ),
    ("fatal: Authentication failed for 'u'", Forbidden, "Secret git-login are not accepted"),
    ("fatal: detected dubious ownership in repository at '/srv/a'", Forbidden, "another user"),
    ("fatal: unable to access 'u': The requested URL returned error: 302", Rejected, "put that one into spec.url"),
    ("fatal: transport 'ssh' not allowed", Rejected, "protocol"),
    ("error: object 1: hasDotdot: contains '..'\nfatal: fsck error in packed object", Rejected, "broken"),
    ("fatal: couldn't find remote ref refs/heads/main", NotFound, "no branch or tag main"),
    ("remote: Repository not found.\nfatal: repository 'u' not found", NotFound, "no such repository"),
    ("fatal: '/srv/a' does not appear to be a git repository", NotFound, "no such repository"),
    ("fatal: unable to access 'u': SSL certificate problem: self-signed certificate", Unreachable, "ca.crt"),
    ("fatal: unable to access 'u': Could not resolve host: git.example.org", Unreachable, "name is not known"),
    ("fatal: unable to access 'u': The requested URL returned error: 429", Unreachable, "less often"),
    ("fatal: unable to access 'u': The requested URL returned error: 503", Unreachable, "503"),
    ("No ED25519 host key is known for h\nHost key verification failed.", Forbidden, "not in known_hosts"),
    (
        "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
        Forbidden,
        "somebody may stand in between",
    ),
    ("git@h: Permission denied (publickey).\nfatal: Could not read from remote", Forbidden, "does not accept the key"),
    ('Load key "/x": invalid format\ngit@h: Permission denied (publickey).', Rejected, "no key that ssh can read"),
    ("No user exists for uid 65532\nfatal: Could not read from remote", Unreachable, "/etc/passwd"),
    ("error: cannot run ssh: No such file or directory\nfatal: unable to fork", Unreachable, "openssh-client"),
    ("ssh: connect to host h port 22: Connection refused\nfatal: Could not read", Unreachable, "Connection refused"),
    (
        "fatal: unable to access 'u': Received HTTP code 407 from proxy after CONNECT",
        Forbidden,
        "proxy does not accept",
    ),
    ("fatal: unable to access 'u': Could not resolve proxy: p", Unreachable, "proxy's name"),
    (
        "fatal: write error: File too large\nfatal: fetch-pack: invalid index-pack output",
        Rejected,
        "larger than we take",
    ),
    (
        "error: index-pack failed\nfatal: write error: No space left on device\nfatal: invalid index-pack output",
        Unreachable,
        "the disk of the git cache is full",
    ),
    ("fatal: failed to write to shallow.lock: Disk quota exceeded", Unreachable, "the disk of the git cache is full"),
    ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", NotFound, "no such repository"),
    ("fatal: early EOF", Unreachable, "early EOF"),
    ("", Unreachable, "without a word"),
)


@pytest.mark.parametrize(("said", "error", "words"), SAID)
def test_each_failure_has_its_kind_and_names_the_repository(said: str, error: type[PortError], words: str) -> None:
    found = failure(SOURCE, Credentials(), said)

    assert type(found) is error
    assert str(found).startswith(SOURCE.url)
    assert words in str(found)


@pytest.mark.parametrize(
    "secret",
    [
        Credentials(username="ana", password="hunter2"),
        Credentials(bearer="hunter2"),
        Credentials(ssh_key="-----BEGIN\nhunter2\n-----END"),
        Credentials(proxy="http://ana:hunter2@proxy:3128"),
        Credentials(proxy="http://ana:%68unter2@proxy:3128"),
    ],
)
def test_credentials_that_a_server_repeats_are_masked(secret: Credentials) -> None:
    found = failure(SOURCE, secret, "remote: user ana:hunter2 unknown\nfatal: unable to access 'u'")

    assert "hunter2" not in str(found)


def test_what_a_server_says_is_printable_and_short() -> None:
    found = failure(SOURCE, Credentials(), "remote: \x1b[31mred\x1b[0m\r" + "x" * 5000)

    assert str(found).isprintable()
    assert len(str(found)) < 400


def test_the_same_failure_is_told_in_the_same_words() -> None:
    told = {str(failure(SOURCE, Credentials(), f"fatal: Failed to connect after {ms} ms")) for ms in (12, 345)}

    assert len(told) == 1
