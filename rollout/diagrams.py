"""How do the transition tables look when drawn?"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from rollout.migration import stages
from rollout.progression import transitions

P = TypeVar("P", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


def rollout_diagram() -> str:
    """The Rollout's phases and moves as a Mermaid state diagram; moves between the same two phases share an arrow."""
    return state_diagram(transitions.TRANSITIONS, transitions.INITIAL)


def migration_diagram() -> str:
    """The stages of a namespace that moves into a mesh, and its moves."""
    return state_diagram(stages.TRANSITIONS, stages.INITIAL)


def state_diagram(table: Mapping[P, Mapping[T, P]], initial: P) -> str:
    """A transition table as Mermaid, in the table's order."""
    lines = ["stateDiagram-v2", f"    [*] --> {initial}"]
    for phase, moves in table.items():
        arrows: dict[P, list[str]] = {}
        for trigger, target in moves.items():
            arrows.setdefault(target, []).append(trigger.value)
        lines += [f"    {phase} --> {target}: {', '.join(names)}" for target, names in arrows.items()]
    return "\n".join(lines) + "\n"
