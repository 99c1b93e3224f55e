"""How is a git command run so that nothing around it can change what it does?

The environment is ours alone, the configuration is what we say, credentials are in neither the command line nor a
file, output is bounded, and when time is up the whole process group is killed.
"""

import os
import selectors
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from git.cmd import Git
from git.exc import GitCommandNotFound

from rollout.ports.errors import Rejected, Unreachable

_KEPT_ERRORS = 16_384  # bytes of stderr worth reading
_NO_SUCH_COMMAND = 127  # env's exit code
_SETTINGS = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("transfer.fsckObjects", "true"),
    ("fetch.recurseSubmodules", "false"),
    ("http.followRedirects", "false"),  # a redirect could carry the credentials to another host
    ("http.sslVerify", "true"),
    ("http.lowSpeedLimit", "1000"),  # bytes per second, for ...
    ("http.lowSpeedTime", "30"),  # ... this many seconds is as good as no answer
    ("gc.auto", "0"),  # a repository grows old by being thrown away, not by a process in the background
    ("maintenance.auto", "false"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a command said. error: the beginning of stderr."""

    code: int
    out: bytes
    error: str


def environment(home: Path, scheme: str = "none", settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """All variables that a git command gets. scheme: the only protocol that it may speak; settings: more configuration."""
    configured = [*_SETTINGS, (f"protocol.{scheme}.allow", "always"), *(settings or {}).items()]
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C",  # failures are told apart by git's English
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_CONFIG_COUNT": str(len(configured)),
    }
    for index, (name, value) in enumerate(configured):
        variables[f"GIT_CONFIG_KEY_{index}"] = name
        variables[f"GIT_CONFIG_VALUE_{index}"] = value
    return variables


class Call:
    """One call of the port: its commands share a deadline, and `kill` ends them from another thread."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._killed = False
        self._lock = threading.Lock()
        self._process: Popen[bytes] | None = None

    def begin(self) -> None:
        """Count the deadline from now: waiting for a free thread is not the server's fault."""
        self._ends = time.monotonic() + self.seconds

    def kill(self) -> None:
        """End the command that runs, and start no other."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                _kill_group(self._process)

    def run(
        self,
        directory: Path,
        arguments: list[str],
        variables: Mapping[str, str],
        *,
        stdin: bytes = b"",
        most: int = 65_536,
    ) -> Output:
        """What `git ARGUMENTS` says; Unreachable when time is up, Rejected when it says more than `most` bytes."""
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            process = self._started(directory, arguments, variables, given.fileno())
            try:
                return self._answer(process, most)
            finally:
                with self._lock:
                    self._process = None
                if process.returncode is None:
                    _kill_group(process)
                    process.wait()
                for stream in (process.stdout, process.stderr):
                    if stream is not None:
                        stream.close()

    def _started(self, directory: Path, arguments: list[str], variables: Mapping[str, str], stdin: int) -> Popen[bytes]:
        if self._killed:
            raise Unreachable("git was stopped because the controller stops")
        # GitPython adds to the inherited environment; `env -u` takes away what is not ours
        inherited = [word for name in os.environ if name not in variables for word in ("-u", name)]
        command = ["env", *inherited, Git.GIT_PYTHON_GIT_EXECUTABLE or "git", *arguments]
        try:
            started = Git(str(directory)).execute(
                command, istream=stdin, env=dict(variables), as_process=True, start_new_session=True
            )
        except GitCommandNotFound as error:
            raise Unreachable("there is no `env` on the PATH of the controller; install coreutils") from error
        if started.proc is None:
            raise Unreachable("git was not started")
        process = started.proc
        started.proc = None  # its end is ours to see to, not the garbage collector's
        with self._lock:
            self._process = process
            if self._killed:
                _kill_group(process)
        return process

    def _answer(self, process: Popen[bytes], most: int) -> Output:
        out, error = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            for stream, kept in ((process.stdout, out), (process.stderr, error)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, kept)
            while selector.get_map():
                for key, _ in selector.select(self._left()):
                    chunk = os.read(key.fd, 65_536)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.data is out or len(error) < _KEPT_ERRORS:
                        key.data.extend(chunk)
                if len(out) > most:
                    raise Rejected(f"git answered with more than {most} bytes")
        with self._lock:
            self._process = None  # once it is waited for, its number may belong to another process
        try:
            code = process.wait(self._left())
        except TimeoutExpired as late:
            raise self._late() from late
        if code == _NO_SUCH_COMMAND:
            raise Unreachable("there is no git on the PATH of the controller; install git")
        return Output(code=code, out=bytes(out), error=error.decode("utf-8", "replace"))

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self._late()
        return left

    def _late(self) -> Unreachable:
        return Unreachable(f"no answer within {self.seconds:g} s")


def _kill_group(process: Popen[bytes]) -> None:
    """Kill the process, which nobody has waited for yet, and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
