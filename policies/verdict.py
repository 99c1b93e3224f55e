"""Which verdict decides?"""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What an objective says of the canary."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that decides: FAIL over INCONCLUSIVE over PASS.

    No verdicts at all is INCONCLUSIVE: silence is not success.
    """
    seen = set(verdicts)
    if Verdict.FAIL in seen:
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in seen or not seen:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS
