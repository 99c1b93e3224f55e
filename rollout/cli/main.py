"""Which commands does `rollout` have, and where is each?

Modules are imported only when their command runs: `--help` and completion must not wait for Kubernetes.
"""

import importlib
from dataclasses import dataclass

import click
from click.shell_completion import CompletionItem

from rollout.cli.lean import slim_log


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: `module` below rollout.cli holds a click command called `name`; `help` is its line in the list.

    lasts: whether it runs for weeks, and is to be without libraries that it never uses.
    """

    module: str
    name: str
    help: str
    lasts: bool = False


COMMANDS: dict[str, Entry] = {
    "list": Entry("listing", "list_", "Rollouts and how they stand"),
    "get": Entry("listing", "get", "one Rollout, or all, in kubectl's formats"),
    "tree": Entry("tree", "tree", "a Rollout with its routes, backends, workloads and weights"),
    "why": Entry("why", "why", "why it stands as it does, with every rule and number, and what happens next"),
    "events": Entry("events", "events", "what happened, newest last"),
    "history": Entry("history", "history", "the last ten runs"),
    "watch": Entry("watch", "watch", "follow a Rollout live"),
    "wait": Entry("watch", "wait", "wait until it is promoted or back (exit code 0 or 1)"),
    "plan": Entry("plan", "plan", "every object's weights at every step, without writing"),
    "diff": Entry("diff", "diff", "what a manifest would change in the cluster (exit code 1 if anything)"),
    "lint": Entry("lint", "lint", "check manifests offline, and what a change takes away"),
    "simulate": Entry("simulate", "simulate", "how runs of a manifest would end with such traffic, without a cluster"),
    "explain": Entry("explain", "explain", "what a field of a manifest means, its default and its limits"),
    "promote": Entry("orders", "promote", "end the present step: no more soak and verdict"),
    "promote-full": Entry("orders", "promote_full", "skip all remaining steps"),
    "approve": Entry("orders", "approve", "open the gate of the present step"),
    "reject": Entry("orders", "reject", "refuse the approval: back to stable"),
    "abort": Entry("orders", "abort", "back to stable now"),
    "pause": Entry("orders", "pause", "stand still"),
    "resume": Entry("orders", "resume", "go on"),
    "retry": Entry("orders", "retry", "try the failed revision again"),
    "name-stable": Entry("orders", "name_stable", "say which backend serves users"),
    "confirm": Entry("orders", "confirm", "accept a stable that changed in mid-run"),
    "override": Entry("orders", "override", "let the run go on in a freeze"),
    "mesh": Entry("mesh", "mesh", "move namespaces into a mesh: plan, watch, steer, escape, prove"),
    "init": Entry("init", "init", "what turns an existing service into a first Rollout"),
    "check": Entry("check", "check", "what this cluster lacks for rollout"),
    "install": Entry("install", "install", "install CRDs, RBAC and controller"),
    "uninstall": Entry("install", "uninstall", "remove what install made"),
    "serve": Entry("serve", "serve", "run the controller", lasts=True),
    "demo": Entry("demo", "demo", "a good and a bad release on this machine, without a cluster"),
    "crds": Entry("printing", "crds", "print the CustomResourceDefinitions"),
    "diagrams": Entry("printing", "diagrams", "print a transition table as Mermaid"),
    "completion": Entry("completion", "completion", "print a shell completion script"),
    "version": Entry("printing", "version", "print the version"),
}


class Commands(click.Group):
    """A group that imports a command's module only when it is asked for."""

    entries = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the table's order."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of that name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        if entry.lasts:
            slim_log()
        command: click.Command = getattr(importlib.import_module(f"rollout.cli.{entry.module}"), entry.name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that go on from `incomplete`, without importing any command."""
        return [
            CompletionItem(name, help=entry.help) for name, entry in self.entries.items() if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """GitOps progressive delivery: shift mesh traffic in small steps, judge SLOs, promote or roll back."""
