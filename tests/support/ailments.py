"""What does a namespace look like in which nothing is wrong, and what makes each row of the catalogue find something?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rollout.migration.preflight.gathered import Gathered
from rollout.model.migration import MigrationSpec, Severity, Wave
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion, Series

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
        spec = MigrationSpec(name="fleet", revision=self.revision, waves=(Wave(name="first", namespaces=("shop",)),))
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
    objects: dict[str, list[Body]] = {}
    for body in yaml.safe_load_all(WELL.read_text(encoding="utf-8")):
        objects.setdefault(body["kind"], []).append(body)
    return World(objects=objects, told={asked: answered(asked) for asked in Asked})


def spec(world: World, **fields: object) -> None:
    """Sets fields of the pod spec of Deployment shop/api."""
    world.pods_of("Deployment", "api")["spec"].update(fields)


SAMPLES: dict[str, tuple[Ill, ...]] = {}
