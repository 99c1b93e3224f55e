"""How are percentages and numbers written in a manifest?"""

from decimal import Decimal
from functools import lru_cache

PERCENT = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)%$"
WHOLE_PERCENT = r"^([0-9]{1,2}|1[0-9]{2}|200)%$"
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?([eE][-+]?[0-9]{1,2})?$"

_KNOWN = 1024  # texts: thousands of manifests say the same few


@lru_cache(_KNOWN)
def ratio(percent: str) -> float:
    """`0.5%` as 0.005; ValueError when it is no percentage."""
    number, sign, rest = percent.partition("%")
    if not sign or rest:
        raise ValueError(f'{percent!r} is no percentage such as "1%"')
    return float(Decimal(number) / 100)


def ratio_text(value: float) -> str:
    """0.005 as `0.5%`."""
    return f"{Decimal(str(value)) * 100:f}".rstrip("0").rstrip(".") + "%" if value else "0%"
