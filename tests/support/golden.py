"""Is this run told as it was told before?"""

import os
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "sequences" / "golden"


def same_story(name: str, story: str) -> None:
    """Compare with golden/NAME.txt; with ROLLOUT_GOLDEN=write the file is written anew, to be read before it is kept."""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("ROLLOUT_GOLDEN") == "write":
        file.write_text(story)
    assert story == file.read_text(), f"the run is told otherwise than in {file.name}"
