"""Which options do the commands share, and how is a Rollout named? As kubectl has it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

Command = Callable[..., Any]

_OURS = ("rollout", "rollouts", "rlt", "rollout.rollout.dev", "rollouts.rollout.dev")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


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


def access(*formats: str, many: bool = False) -> Callable[[Command], Command]:
    """Give a command `access: Access` as its first argument, read from kubectl's flags.

    formats: what `-o` takes, () for no `-o`. many: whether the command takes `-A` and `-l`.
    """

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            known = {name: options.pop(name) for name in Access.__dataclass_fields__ if name in options}
            return function(Access(**known), *args, **options)

        command: Command = wrapped
        for option in reversed(_options(formats, many=many)):
            command = option(command)
        return command

    return decorate


def _options(formats: tuple[str, ...], *, many: bool) -> list[Callable[[Command], Command]]:
    found = [
        click.option("-n", "--namespace", metavar="NAME", help="Namespace; default: the context's."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig; default: the current one."),
        click.option("--kubeconfig", metavar="FILE", help="Kubeconfig; default: as kubectl finds it."),
    ]
    if many:
        found += [
            click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces."),
            click.option("-l", "--selector", default="", metavar="LABELS", help="Only with these labels (a=b,c!=d)."),
        ]
    if formats:
        found.append(click.option("-o", "--output", type=click.Choice(formats), default=None, help="Output format."))
    return found


class RolloutName(click.ParamType):
    """NAME, or KIND/NAME with one of our kind's names."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The bare name; a usage error for another kind."""
        kind, slash, name = str(value).rpartition("/")
        if slash and kind.lower() not in _OURS:
            self.fail(
                f"{kind!r} is no kind of ours; write {name}, rollout/{name} or rlt/{name}, with -n for a namespace",
                param,
                ctx,
            )
        if not name:
            self.fail("a name is missing after the slash", param, ctx)
        return name


class Duration(click.ParamType):
    """90s, 5m, 2h, 1d, or combined as in 1h30m; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The timedelta; a usage error for anything else."""
        if isinstance(value, timedelta):
            return value
        seconds, digits = 0, ""
        for letter in str(value):
            if letter.isascii() and letter.isdigit():
                digits += letter
            elif letter in _UNITS and digits:
                seconds, digits = seconds + int(digits) * _UNITS[letter], ""
            else:
                self.fail(f"{value!r} is no duration; write 90s, 5m or 1h30m", param, ctx)
        if not str(value) or len(digits) > 9:
            self.fail(f"{value!r} is no duration; write 90s, 5m or 1h30m", param, ctx)
        return timedelta(seconds=seconds + int(digits or 0))


def timeout(default: str) -> Callable[[Command], Command]:
    """The option --timeout, 0 for no end."""
    return click.option(
        "--timeout", type=Duration(), default=default, show_default=True, help="Longest time to wait; 0 waits for ever."
    )
