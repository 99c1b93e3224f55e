"""Which commands does `rollout mesh` have, and where is each?"""

import click

from rollout.cli.main import Commands, Entry

MESH: dict[str, Entry] = {
    "preflight": Entry("mesh_preflight", "preflight", "what is in the way of a namespace, and how to mend it"),
    "plan": Entry("mesh_plan", "plan", "waves, all writes in order, least times, whom to enrol first"),
    "status": Entry("mesh_status", "status", "where every namespace stands"),
    "why": Entry("mesh_why", "why", "which gate of a namespace waits for what, and who still speaks plaintext"),
    "escape": Entry("mesh_escape", "escape", "the runbook to open a namespace by hand; --now does it"),
    "evidence": Entry("mesh_evidence", "evidence", "what was proven of a namespace, for auditors"),
    "acknowledge": Entry("mesh_orders", "acknowledge", "take responsibility for a warning"),
    "fallback": Entry("mesh_orders", "fallback", "open a namespace again at once"),
    "rollback": Entry("mesh_orders", "rollback", "put a namespace back as it was before"),
    "retry": Entry("mesh_orders", "retry", "go on with a namespace that fell or rolled back"),
    "skip-soak": Entry("mesh_orders", "skip_soak", "say that a namespace was quiet for long enough"),
}


class MeshCommands(Commands):
    """The group; a command's module is imported only when it is asked for."""

    entries = MESH


@click.group(cls=MeshCommands, context_settings={"help_option_names": ["-h", "--help"]})
def mesh() -> None:
    """Move namespaces into a mesh: preflight, plan, status, why, escape, evidence, and what steers a MeshMigration."""
