"""How does a command end: with which exit code, and what is said when it goes wrong?

0 ok · 1 a difference, or the rollout failed or was rolled back, or the controller refused · 2 usage · 3 timed out
waiting · 4 not allowed · 5 waiting for an approval or acknowledgement, or frozen · 6 not found · 7 conflict or stale
revision · 20 unreachable or internal · 130 interrupted.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import click


class Exit(IntEnum):
    """The exit codes, the same for every command."""

    OK = 0
    DIFFERENT = 1
    USAGE = 2
    TIMED_OUT = 3
    NOT_ALLOWED = 4
    WAITING = 5
    NOT_FOUND = 6
    CONFLICT = 7
    UNREACHABLE = 20
    INTERRUPTED = 130


_CODES = {
    Exit.DIFFERENT: "Failed",
    Exit.USAGE: "Usage",
    Exit.TIMED_OUT: "TimedOut",
    Exit.NOT_ALLOWED: "NotAllowed",
    Exit.WAITING: "WaitingForAPerson",
    Exit.NOT_FOUND: "NotFound",
    Exit.CONFLICT: "Conflict",
    Exit.UNREACHABLE: "Unreachable",
}


class StoppedError(Exception):
    """The command ends here with `exit_code`. code: one word for machines; hint: what to do next, "" for nothing."""

    def __init__(self, exit_code: Exit, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code or _CODES.get(exit_code, "Failed")
        self.hint = hint


@contextmanager
def translated(*, as_json: bool = False) -> Iterator[None]:
    """Everything that a port or a manifest can say against it ends the command with its exit code and a hint.

    as_json: whether stderr gets `{code, message, hint}` instead of sentences.
    """
    from rollout.manifest.errors import SpecError, SpecErrors
    from rollout.ports.errors import PortError

    try:
        yield
    except StoppedError as stopped:
        raise _ended(stopped, as_json=as_json) from stopped
    except (SpecError, SpecErrors) as error:
        hint = "`rollout lint` shows all that is wrong in a file"
        raise _ended(StoppedError(Exit.USAGE, str(error), code="InvalidSpec", hint=hint), as_json=as_json) from error
    except PortError as error:
        code, hint = _meaning(error)
        ending = StoppedError(code, str(error), code=type(error).__name__, hint=hint)
        raise _ended(ending, as_json=as_json) from error
    except KeyboardInterrupt as error:
        raise click.exceptions.Exit(int(Exit.INTERRUPTED)) from error


def _ended(stopped: StoppedError, *, as_json: bool) -> click.exceptions.Exit:
    """Say it on stderr; what click ends the process with."""
    from rollout.cli.terminal import harmless

    if as_json:
        told = {"code": stopped.code, "message": str(stopped), "hint": stopped.hint}
        click.echo(json.dumps(told), err=True)
    else:
        click.echo(harmless(f"error: {stopped}"), err=True)
        if stopped.hint:
            click.echo(harmless(f"hint:  {stopped.hint}"), err=True)
    return click.exceptions.Exit(int(stopped.exit_code))


def _meaning(error: Exception) -> tuple[Exit, str]:
    from rollout.ports import errors

    match error:
        case errors.KindAbsent():
            return Exit.NOT_FOUND, "`rollout check` tells what this cluster lacks; `rollout install` brings our CRDs"
        case errors.NotFound():
            return (
                Exit.NOT_FOUND,
                "`rollout list -A` and `rollout mesh status` show what there is; -n names the namespace",
            )
        case errors.Forbidden():
            return Exit.NOT_ALLOWED, "`rollout check` lists the rights that are missing; ask who gives them out"
        case errors.Conflict():
            return Exit.CONFLICT, "look again with `rollout why` and repeat the command if it is still wanted"
        case errors.Rejected():
            return Exit.DIFFERENT, "the same content will be refused again; mend what the message names"
        case _:
            return Exit.UNREACHABLE, "is this the right cluster? --context and --kubeconfig choose another"
