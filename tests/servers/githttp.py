"""How does a test serve a git repository over HTTP, with and without a password?"""

import base64
import os
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from tests.servers import build

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ana",
    "GIT_AUTHOR_EMAIL": "ana@example.test",
    "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.test",
    "GIT_CONFIG_GLOBAL": os.devnull,  # a person's own settings (signing, hooks) are not part of a test
    "GIT_CONFIG_NOSYSTEM": "1",
}
BRANCH = "main"
ANSWER_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the server wants to hear, as HTTP basic authentication."""

    user: str
    password: str


class Repository:
    """A bare repository that the server offers, with a working copy for the test's commits."""

    def __init__(self, bare: Path, work: Path, url: str) -> None:
        self.bare = bare
        self.url = url
        self._work = work
        git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(bare))
        git("init", "--quiet", f"--initial-branch={BRANCH}", str(work))
        git("remote", "add", "origin", str(bare), cwd=work)

    def commit(self, files: Mapping[str, str | None], message: str, branch: str = BRANCH) -> str:
        """The new commit's hash, pushed; a file whose text is None is removed, if there is one."""
        return self._commit(files, message, branch, [])

    def rewrite(self, back: int, files: Mapping[str, str | None], message: str) -> str:
        """The hash of a commit that takes the place of the last `back` ones, pushed by force."""
        git("reset", "--quiet", "--hard", f"HEAD~{back}", cwd=self._work)
        return self._commit(files, message, BRANCH, ["--force"])

    def _commit(self, files: Mapping[str, str | None], message: str, branch: str, options: list[str]) -> str:
        for name, text in files.items():
            path = self._work / name
            if text is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "--all", cwd=self._work)
        git("commit", "--quiet", "--allow-empty", "--message", message, cwd=self._work)
        git("push", "--quiet", *options, "origin", f"HEAD:{branch}", cwd=self._work)
        return git("rev-parse", "HEAD", cwd=self._work).strip()


class GitHttp:
    """git http-backend behind a threaded server on loopback.

    login: None serves everybody. fault: a status that every request gets while it is set. to: where a fault redirects.
    requests: all so far. tls: serves https when it is set before `start`.
    """

    def __init__(self, directory: Path, login: Login | None = None) -> None:
        self.login = login
        self.to = ""
        self.tls: ssl.SSLContext | None = None
        self.fault: int | None = None
        self.requests = 0
        self._directory = directory
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The root of all repositories."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen on a free port, on the same one again after `stop`; raises ServerMissingError where git cannot serve HTTP."""
        program = build.git_http_backend()
        owner = self

        class Handler(_Handler):
            git, backend, root = owner, program, owner._directory

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, name="git-http", daemon=True).start()

    def stop(self) -> None:
        """Close."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def repository(self, name: str) -> Repository:
        """A new, empty repository."""
        bare, work = self._directory / f"{name}.git", self._directory / f"{name}.work"
        return Repository(bare, work, f"{self.url}/{name}.git")

    def refusal(self, authorization: str | None) -> int | None:
        """The status of a request that goes no further; None lets it through."""
        self.requests += 1
        if self.fault:
            return self.fault
        if self.login is None:
            return None
        pair = f"{self.login.user}:{self.login.password}".encode()
        return None if authorization == f"Basic {base64.b64encode(pair).decode()}" else 401


class _Handler(BaseHTTPRequestHandler):
    """One request, handed to git's CGI program."""

    protocol_version = "HTTP/1.1"
    git: GitHttp
    backend: Path
    root: Path

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_arguments: object, **_named: object) -> None:
        """Silence: what went wrong is in git's own words at the client."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if status := self.git.refusal(self.headers.get("Authorization")):
            headers = {"WWW-Authenticate": 'Basic realm="git"'} if status == 401 else {}
            self._answer(status, headers | ({"Location": self.git.to + self.path} if self.git.to else {}), b"")
            return
        done = subprocess.run(
            [str(self.backend)], input=body, env=self._cgi(), capture_output=True, timeout=ANSWER_S, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if line)
        status = int(headers.pop("Status", "200").split()[0])
        self._answer(status, headers, content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _cgi(self) -> dict[str, str]:
        """The environment of RFC 3875, as far as git reads it."""
        parts = urlsplit(self.path)
        user = {"REMOTE_USER": self.git.login.user} if self.git.login else {}  # whoever is named may push
        return (
            dict(os.environ)
            | IDENTITY
            | user
            | {
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": self.headers.get("Content-Length", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
        )


def git(*arguments: str, cwd: Path | None = None) -> str:
    """What git prints; its own words are in the error when it fails."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=os.environ | IDENTITY | {"GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        check=False,
    )
    if done.returncode != 0:
        raise ChildProcessError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
