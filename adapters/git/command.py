"""How is a git command run so that nothing around it can change what it does?

The environment is ours alone, the configuration is what we say, credentials are not on the command line, output, memory
and files are bounded, and when time is up the whole process group is killed.
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
from importlib import import_module
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from types import ModuleType

from rollout.ports.errors import Rejected, Unreachable

_KEPT_ERRORS = 16_384  # bytes of stderr worth reading
_NO_SUCH_COMMAND = 127  # exit code of env and of prlimit
_MEMORY = 2 << 30  # bytes of address space of one process: a tree of gigabytes ends git, not the controller
_PACKAGES = {"git": "git", "gpg": "gpg", "prlimit": "util-linux"}  # Debian's
_SETTINGS = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("safe.bareRepository", "explicit"),  # a folder that looks like a repository is none until we name it
    ("protocol.allow", "never"),
    ("transfer.fsckObjects", "true"),
    ("transfer.bundleURI", "false"),  # the server may not send us elsewhere
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),  # all that comes is one file, whose size has a limit
    ("core.bigFileThreshold", "1m"),  # what is larger is never held in memory as a whole
    ("pack.threads", "1"),
    ("http.followRedirects", "false"),  # a redirect could carry the credentials to another host
    ("http.sslVerify", "true"),
    ("http.lowSpeedLimit", "1000"),  # bytes per second, for ...
    ("http.lowSpeedTime", "30"),  # ... this many seconds is as good as no answer
    ("gc.auto", "0"),  # a repository grows old by being thrown away, not by a process in the background
    ("maintenance.auto", "false"),
)


def _gitpython() -> ModuleType:
    """The library; 4 MiB that a controller without a GitSource never needs."""
    return import_module("git")


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
    """One call of the port: its commands share a deadline, and `kill` ends them from another thread.

    file_bytes: what a command may write into one file.
    """

    def __init__(self, seconds: float, file_bytes: int) -> None:
        self.seconds = seconds
        self.file_bytes = file_bytes
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
        program: str = "git",
    ) -> Output:
        """What `git ARGUMENTS` says; Unreachable when time is up, Rejected when it says more than `most` bytes."""
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            words = [_gitpython().Git.GIT_PYTHON_GIT_EXECUTABLE or "git" if program == "git" else program, *arguments]
            process = self._started(directory, words, variables, given.fileno())
            try:
                output = self._answer(process, most)
            finally:
                with self._lock:
                    self._process = None
                if process.returncode is None:
                    _kill_group(process)
                    process.wait()
                for stream in (process.stdout, process.stderr):
                    if stream is not None:
                        stream.close()
        if output.code == _NO_SUCH_COMMAND:
            absent = program if output.error.startswith("prlimit") else "prlimit"
            raise Unreachable(f"there is no {absent} on the PATH of the controller; install {_PACKAGES[absent]}")
        return output

    def _started(self, directory: Path, words: list[str], variables: Mapping[str, str], stdin: int) -> Popen[bytes]:
        if self._killed:
            raise Unreachable("git was stopped because the controller stops")
        # GitPython adds to the inherited environment; `env -u` takes away what is not ours
        inherited = [word for name in os.environ if name not in variables for word in ("-u", name)]
        bounds = [f"--fsize={self.file_bytes}", f"--as={_MEMORY}", "--core=0"]
        # a file that grows too long is then an error that git names, not its silent end
        command = ["env", "--ignore-signal=XFSZ", *inherited, "prlimit", *bounds, "--", *words]
        try:
            started = (
                _gitpython()
                .Git(str(directory))
                .execute(command, istream=stdin, env=dict(variables), as_process=True, start_new_session=True)
            )
        except _gitpython().GitCommandNotFound as error:
            raise Unreachable("there is no `env` on the PATH of the controller; install coreutils") from error
        if started.proc is None:
            raise Unreachable("git was not started")
        process: Popen[bytes] = started.proc
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
