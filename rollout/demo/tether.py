"""How does a child process live no longer than its parent?

By a pipe: the child's stdin is held open by the parent, so that its end, however it comes, closes it. No signal is needed,
so this works wherever there are pipes. Children have their own session: Ctrl-C reaches only the parent, which ends them
in order. `python -m rollout.demo.tether [--remove DIR] -- COMMAND ...` does the same for a program that is not ours.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

PATIENCE_S = 1.0  # for a child to end by itself; then it is killed


class ChildError(Exception):
    """A child process ended when it should not, or did not say what it should."""


class Child:
    """A running child process; `lines` is what it prints."""

    def __init__(self, process: asyncio.subprocess.Process, title: str) -> None:
        self._process = process
        self._title = title

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    async def line(self) -> str:
        """The next line it prints; raises ChildError when it ends instead."""
        text = await self._output().readline()
        if not text:
            raise ChildError(f"{self._title} ended with code {await self._process.wait()}; its errors are on stderr")
        return text.decode().strip()

    async def lines(self) -> AsyncIterator[str]:
        """Every further line until it ends."""
        async for text in self._output():
            yield text.decode().strip()

    def dismiss(self) -> None:
        """Tell it to end; what it prints on the way out can still be read."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def end(self) -> None:
        """Dismiss, wait, and kill if that does not help."""
        self.dismiss()
        await ended(self._process, PATIENCE_S)

    def _output(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise ChildError(f"{self._title} was started without a pipe for its output")
        return self._process.stdout


@asynccontextmanager
async def python_child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """`python -m module arguments` that ends with this block, or with this process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": _import_path()},
    )
    child = Child(process, module)
    try:
        yield child
    finally:
        await asyncio.shield(child.end())


def _import_path() -> str:
    here = str(Path(__file__).parents[2])  # so that a checkout works from every directory
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))


async def dismissed() -> None:
    """Return when the parent is gone or closed our stdin, or on SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, reader.feed_eof)
    while await reader.read(1024):
        pass  # nobody sends us anything


def say(line: Mapping[str, object]) -> None:
    """One JSON line to the parent; unbuffered, and nobody minds when it no longer listens."""
    with suppress(BrokenPipeError):
        os.write(1, (json.dumps(line) + "\n").encode())


async def ended(process: asyncio.subprocess.Process, patience_s: float) -> int:
    """The exit code; kills the process when it takes longer than `patience_s`."""
    try:
        return await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        process.kill()
        return await process.wait()


async def _keep(command: Sequence[str], remove: str | None) -> int:
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    waits = {asyncio.create_task(dismissed()), asyncio.create_task(process.wait())}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if process.returncode is None:
        process.terminate()
    code = await ended(process, PATIENCE_S / 2)  # or we are killed ourselves, and it is left behind
    if remove:
        shutil.rmtree(remove, ignore_errors=True)
    return code


def main() -> int:
    """Run a foreign program for as long as our stdin is open."""
    parser = argparse.ArgumentParser(prog="rollout.demo.tether")
    parser.add_argument("--remove", metavar="DIR", help="a directory to remove at the end")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    return asyncio.run(_keep(options.command, options.remove))


if __name__ == "__main__":
    sys.exit(main())
