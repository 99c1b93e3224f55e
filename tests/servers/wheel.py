"""How do tests get the program as a user does: the built wheel in an environment of its own?"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300.0


def installed(place: Path, extra: str = "") -> Path:
    """`rollout` of the wheel, with the dependencies that it names, as locked. extra: `[demo]`."""
    command(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place), cwd=ROOT)
    wheel = next(place.glob("*.whl"))
    environment = place / "environment"
    uv = str(Path(sys.executable).parent / "uv")
    command(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    locked = str(ROOT / "requirements.lock")  # its versions, but only what the wheel itself asks for
    command(uv, "pip", "install", "--quiet", "--python", python, "--constraint", locked, f"{wheel}{extra}")
    return environment / "bin" / "rollout"


def command(*words: str, cwd: Path | None = None) -> str:
    """What a command prints; its own words are in the error when it fails."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout
