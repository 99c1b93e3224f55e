"""What did an earlier version leave in a cluster? Objects as a real run of it wrote them, never edited by hand."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

HOME = Path(__file__).parent / "recorded"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
Obj = dict[str, Any]


def crds(version: str) -> list[Obj]:
    """The CustomResourceDefinitions that the version shipped."""
    return [yaml.safe_load(path.read_text()) for path in sorted((HOME / version / "crds").glob("*.yaml"))]


def objects(version: str, place: str, now: datetime) -> list[Obj]:
    """The objects that it left in a place, as if they had been recorded now: every moment in them is moved."""
    text = (HOME / version / f"{place}.yaml").read_text()
    moved = now - datetime.fromisoformat(yaml.safe_load(text)["recordedAt"])
    return list(yaml.safe_load(MOMENT.sub(lambda match: _later(match[0], moved), text))["objects"])


def fresh(obj: Obj) -> Obj:
    """The object without what only a server may set."""
    kept = {
        key: obj["metadata"][key] for key in ("name", "namespace", "labels", "finalizers") if key in obj["metadata"]
    }
    return {**obj, "metadata": kept}


def _later(text: str, by: timedelta) -> str:
    return (datetime.fromisoformat(text) + by).isoformat().replace("+00:00", "Z")
