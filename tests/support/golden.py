"""Is this run told as it was told before?"""

import os
from pathlib import Path

from rollout.model.status import RolloutStatus

GOLDEN = Path(__file__).parent.parent / "sequences" / "golden"


def same_story(name: str, story: str) -> None:
    """Compare with golden/NAME.txt; with ROLLOUT_GOLDEN=write the file is written anew, to be read before it is kept."""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("ROLLOUT_GOLDEN") == "write":
        file.write_text(story)
    assert story == file.read_text(), f"the run is told otherwise than in {file.name}"


def standing(status: RolloutStatus) -> str:
    """Phase, step and weight, as a line of a transcript has them."""
    run = status.run
    place = f"step {min(run.step, len(run.plan))}/{len(run.plan)}" if run else "-"
    weight = f"canary {run.weight:>3}%" if run else ""
    return f"{status.phase:<11}  {place:<8}  {weight:<11}"
