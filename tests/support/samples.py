"""Which manifests must somebody refuse, who is it, and what does he say? And which ones must all take?

The tables are `manifests/invalid-KIND.yaml`: a good manifest (`base`) and rows that spoil it. `by` says who refuses first:

- schema: the structural schema of the CustomResourceDefinition (or what every object of Kubernetes must keep to)
- strict: field validation, where it is asked for (fieldValidation=Strict): unknown and repeated fields
- cel: a rule of the CustomResourceDefinition
- manifest: nobody but our own reader, which sees the file, the namespace and what git may not say

Our own reader refuses every row. `old` becomes `new` (and the same in `also`), or `text` is the whole file; the error is
at `path`, in a line of `new` or in the one that begins with `at`; `says` is a piece of its message, `said` of the API
server's where that is more than the path.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "manifests"
EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
KINDS = (
    "Rollout",
    "GitSource",
    "SloPolicy",
    "ApprovalPolicy",
    "FreezeWindow",
    "Receiver",
    "Notifier",
    "MeshMigration",
    "RolloutCommand",
)
LAYERS = ("schema", "strict", "cel", "manifest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """One row. lines: where its error may be said to stand."""

    id: str
    kind: str
    by: str
    text: str
    path: str
    says: str
    said: str
    lines: range

    def __str__(self) -> str:
        return f"{self.kind}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row as it is written."""

    id: str
    by: str
    path: str
    says: str
    said: str | None = None
    old: str = ""
    new: str = ""
    also: dict[str, str] = field(default_factory=dict)
    text: str = ""
    at: str = ""


def invalid() -> list[Invalid]:
    """All rows of all kinds."""
    return [_spoilt(kind, Row(**row), table["base"]) for kind, table in _tables() for row in table["rows"]]


def valid() -> list[tuple[str, str]]:
    """Name and text of each single manifest that everybody must take: the tables' bases, and the tricky ones."""
    bases = [(f"{kind}-base", str(table["base"])) for kind, table in _tables()]
    tricky = (FOLDER / "valid.yaml").read_text(encoding="utf-8").split("\n---\n")
    examples = [path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.yaml"))]
    apart = [document for text in [*tricky, *examples] for document in text.split("\n---\n")]
    return bases + [(_name(text), text) for text in apart]


def _tables() -> list[tuple[str, dict[str, Any]]]:
    files = [(kind, FOLDER / f"invalid-{kind.lower()}.yaml") for kind in KINDS]
    return [(kind, _loaded(file.read_text(encoding="utf-8"))) for kind, file in files]


def _loaded(text: str) -> Any:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # each worker reads the tables to know its tests
    return yaml.load(text, loader)


def _name(text: str) -> str:
    manifest = _loaded(text)
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def _spoilt(kind: str, row: Row, base: str) -> Invalid:
    text = row.text or _replaced(base, row.old, row.new)
    for old, new in row.also.items():
        text = _replaced(text, old, new)
    first = 1 + (text.index(row.at) if row.at else base.index(row.old or base))
    start = text.count("\n", 0, first) + 1
    length = 1 if row.at else row.new.rstrip("\n").count("\n") + 1
    said = row.path if row.said is None else row.said
    return Invalid(
        id=row.id,
        kind=kind,
        by=row.by,
        text=text,
        path=row.path,
        says=row.says,
        said=said,
        lines=range(start, start + length),
    )


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the base"
    return text.replace(old, new)
