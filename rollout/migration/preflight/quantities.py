"""How much CPU or memory does a quantity of Kubernetes mean?"""

import re
from decimal import Decimal

# k8s.io/apimachinery/pkg/api/resource: suffixes of powers of ten and of two
_TENS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_TWOS = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_FORM = re.compile(r"^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?$")


def quantity(text: str | float) -> Decimal:
    """Cores or bytes: "100m" is 0.1, "128Mi" is 134217728, 2 is 2. ValueError when it is no quantity."""
    match = _FORM.match(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no quantity such as 100m or 128Mi")
    suffix = match[2] or ""
    factor = Decimal(2) ** _TWOS[suffix] if suffix in _TWOS else Decimal(10) ** _TENS[suffix]
    return Decimal(match[1]) * factor
