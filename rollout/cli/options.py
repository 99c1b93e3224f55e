"""Which options do the commands share, and how is a Rollout named? As kubectl has it."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

Command = Callable[..., Any]

_OURS = ("rollout", "rollouts", "rlt", "rollout.rollout.dev", "rollouts.rollout.dev")
_SOURCES = ("gitsource", "gitsources", "gitsource.rollout.dev", "gitsources.rollout.dev")
_MIGRATIONS = (
    "meshmigration",
    "meshmigrations",
    "meshmigration.rollout.dev",
    "meshmigrations.rollout.dev",
)
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which cluster, where in it, and how to print. namespace: None where the command names none."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False
    selector: str = ""
    output: str = ""

    @property
    def as_json(self) -> bool:
        """Whether machines read what we print."""
        return self.output in ("json", "yaml")


def access(*formats: str, many: bool = False, namespaced: bool = True) -> Callable[[Command], Command]:
    """Give a command `access: Access` as its first argument, read from kubectl's flags.

    formats: what `-o` takes, () for no `-o`. many: whether the command takes `-A` and `-l`; namespaced: whether `-n`.
    """

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            known = {name: options.pop(name) for name in Access.__dataclass_fields__ if name in options}
            return function(Access(**known), *args, **options)

        command: Command = wrapped
        for option in reversed(_options(formats, many=many, namespaced=namespaced)):
            command = option(command)
        return command

    return decorate


def _options(formats: tuple[str, ...], *, many: bool, namespaced: bool) -> list[Callable[[Command], Command]]:
    found: list[Callable[[Command], Command]] = [
        click.option("-n", "--namespace", metavar="NAME", help="Namespace; default: the context's."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig; default: the current one."),
        click.option("--kubeconfig", metavar="FILE", help="Kubeconfig; default: as kubectl finds it."),
    ]
    if not namespaced:
        del found[0]
    if many:
        found += [
            click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces."),
            click.option("-l", "--selector", default="", metavar="LABELS", help="Only with these labels (a=b,c!=d)."),
        ]
    if formats:
        found.append(click.option("-o", "--output", type=click.Choice(formats), default=None, help="Output format."))
    return found


def rollout_name(value: str) -> str:
    """The bare name in NAME or KIND/NAME; a usage error for another kind."""
    kind, slash, name = value.rpartition("/")
    if slash and kind.lower() not in _OURS:
        raise click.BadParameter(
            f"{kind!r} is no kind of ours; write {name}, rollout/{name} or rlt/{name}, and -n for a namespace"
        )
    if not name:
        raise click.BadParameter("a name is missing after the slash")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a command is for. kind: Rollout, GitSource or MeshMigration."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "Rollout" else f"{self.kind.lower()}/{self.name}"


def rollout_named(value: str) -> Named:
    """The Rollout in NAME or KIND/NAME."""
    return Named(kind="Rollout", name=rollout_name(value))


def rollout_or_source(value: str) -> Named:
    """The GitSource in gitsource/NAME, or the Rollout as everywhere."""
    kind, _, name = value.rpartition("/")
    if kind.lower() in _SOURCES and name:
        return Named(kind="GitSource", name=name)
    return rollout_named(value)


def rollout_or_migration(value: str) -> Named:
    """The MeshMigration in meshmigration/NAME, or the Rollout as everywhere."""
    kind, _, name = value.rpartition("/")
    if kind.lower() in _MIGRATIONS and name:
        return Named(kind="MeshMigration", name=name)
    return rollout_named(value)


def duration(value: str | timedelta) -> timedelta:
    """The time in 90s, 5m, 2h, 1d or 1h30m; a bare number is seconds; a usage error for anything else."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value)
    if not value or match is None:
        raise click.BadParameter(f"{value!r} is no duration; write 90s, 5m or 1h30m")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def timeout(default: str) -> Callable[[Command], Command]:
    """The option --timeout, 0 for no end."""
    return click.option(
        "--timeout", type=duration, default=default, show_default=True, help="Longest time to wait; 0 waits for ever."
    )
