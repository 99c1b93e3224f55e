"""How is the clock of one program set while it runs, below everything that the program is made of?"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.missing import ServerMissingError

SOURCE = Path(__file__).with_suffix(".c")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongClock:
    """The wall clock of the programs that `command` begins; time that passes is not touched. told: how far it is off."""

    library: Path
    told: Path

    @property
    def command(self) -> tuple[str, ...]:
        """The beginning of a command whose program alone has this clock."""
        return ("env", f"LD_PRELOAD={self.library}", f"WRONG_CLOCK={self.told}")

    def set(self, seconds: int) -> None:
        """So far is it off from now on; negative: it is slow."""
        draft = self.told.with_suffix(".draft")
        draft.write_text(str(seconds))
        draft.rename(self.told)  # nobody reads half of it


def wrong_clock(directory: Path) -> WrongClock:
    """A clock that is right as yet; raises ServerMissingError where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise ServerMissingError("a C compiler", "apt-get install gcc libc6-dev")
    library = directory / "wrongclock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True, timeout=60)
    return WrongClock(library=library, told=directory / "off")
