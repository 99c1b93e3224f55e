"""How much happens in a soak, and for how long?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """seed: of all that is drawn. pause_s: mean seconds between two things that people do.

    later_s: after so many seconds at most they mend a broken file, or resume. interval: of the analysis of every Rollout.
    longest_soak: seconds of a step, at most. calm: seconds between two faults, from and to. longest_fault: seconds.
    """

    seed: int
    seconds: float
    rollouts: int
    pause_s: float
    later_s: float
    interval: str
    longest_soak: int
    calm: tuple[float, float]
    longest_fault: float
