"""What does a namespace look like in which nothing is wrong, and what makes each row of the catalogue find something?"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from adapters.memory.objects import copied
from rollout.migration.preflight.gathered import Gathered
from rollout.model.migration import Exemption, MigrationSpec, Severity, Wave
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion, Series
from tests.support.yamls import documents

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
WELL = Path(__file__).parent / "manifests" / "well.yaml"
Body = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class World:
    """What there is to gather, to be changed at will."""

    objects: dict[str, list[Body]]
    told: dict[Asked, MeshAnswer]
    unread: dict[str, str] = field(default_factory=dict)
    enrolled: frozenset[str] = frozenset({"front", "monitoring"})
    revision: str = ""
    exceptions: tuple[Exemption, ...] = ()

    def one(self, kind: str, name: str) -> Body:
        """The object itself."""
        return next(obj for obj in self.objects[kind] if obj["metadata"]["name"] == name)

    def pods_of(self, kind: str, name: str) -> Body:
        """The pod template in a workload."""
        template: Body = self.one(kind, name)["spec"]["template"]
        return template

    def container(self, kind: str, name: str) -> Body:
        """The first container of a workload."""
        first: Body = self.pods_of(kind, name)["spec"]["containers"][0]
        return first

    def add(self, kind: str, body: Body) -> None:
        """One object more."""
        self.objects.setdefault(kind, []).append(body)

    def remove(self, kind: str, name: str) -> None:
        """One object less."""
        self.objects[kind] = [obj for obj in self.objects[kind] if obj["metadata"]["name"] != name]

    def answer(self, asked: Asked, *series: Series) -> None:
        """What the metrics server says to a question."""
        self.told[asked] = answered(asked, *series)

    def gathered(self) -> Gathered:
        """All of it, for the namespace shop."""
        waves = (Wave(name="first", namespaces=("shop",)),)
        spec = MigrationSpec(name="fleet", revision=self.revision, waves=waves, exceptions=self.exceptions)
        return Gathered(
            namespace="shop",
            spec=spec,
            objects={kind: tuple(bodies) for kind, bodies in self.objects.items()},
            unread=self.unread,
            told=self.told,
            enrolled=self.enrolled,
            now=NOON,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ill:
    """What makes a well namespace ill: the finding's object and field, and a piece of its why.

    also: other rows that find something in the same object; they must.
    """

    make: Callable[[World], None]
    object: str
    field: str
    why: str
    severity: Severity = Severity.BLOCK
    also: tuple[str, ...] = ()


def answered(asked: Asked, *series: Series) -> MeshAnswer:
    """An answer with these series; with none, all is well."""
    return MeshAnswer(question=MeshQuestion(asked=asked, namespace="shop"), query=str(asked), series=series, at=NOON)


def well() -> World:
    """A world in which no row finds anything; each call makes a new one."""
    told = {asked: answered(asked) for asked in Asked}
    told[Asked.API_SERVERS] = answered(Asked.API_SERVERS, Series(labels={}, value=2, at=NOON))
    return World(objects=copied(_written()), told=told)


@cache
def _written() -> dict[str, list[Body]]:
    objects: dict[str, list[Body]] = {}
    for body in documents(WELL.read_text(encoding="utf-8")):
        objects.setdefault(body["kind"], []).append(body)
    return objects


def ill(  # a row of a table: positions say what is what
    make: Callable[[World], None],
    at: tuple[str, str],
    why: str,
    severity: Severity = Severity.BLOCK,
    also: tuple[str, ...] = (),
) -> Ill:
    """An ailment that is found at (object, field)."""
    return Ill(make=make, object=at[0], field=at[1], why=why, severity=severity, also=also)


def put(kind: str, name: str, path: str, value: object) -> Callable[[World], None]:
    """Sets a field of an object, "spec.ports[0].name"; a mapping is merged into the one that is there."""
    *steps, last = re.findall(r"[^.\[\]]+", path)

    def make(world: World) -> None:
        inner: Any = world.one(kind, name)
        for step in steps:
            inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
        if isinstance(value, dict) and isinstance(inner, dict) and isinstance(inner.get(last), dict):
            inner[last] = inner[last] | value
        else:
            inner[int(last) if isinstance(inner, list) else last] = value

    return make


def add(text: str) -> Callable[[World], None]:
    """Adds objects, written as YAML."""

    def make(world: World) -> None:
        for body in yaml.safe_load_all(text):
            world.add(body["kind"], body)

    return make


def remove(kind: str, name: str) -> Callable[[World], None]:
    """Takes an object away."""
    return lambda world: world.remove(kind, name)


def replace(kind: str, name: str, old: str, new: str) -> Callable[[World], None]:
    """Changes a piece of text in the data of a ConfigMap."""

    def make(world: World) -> None:
        data = world.one(kind, name)["data"]
        assert any(old in text for text in data.values())
        data.update({key: text.replace(old, new) for key, text in data.items()})

    return make


def both(*makes: Callable[[World], None]) -> Callable[[World], None]:
    """One after the other."""

    def make(world: World) -> None:
        for one in makes:
            one(world)

    return make
