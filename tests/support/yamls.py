"""How are long YAML texts read in tests?"""

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is 10 times as fast, but not in every build


def documents(text: str) -> list[Any]:
    """All documents of a text."""
    return list(yaml.load_all(text, _LOADER))
