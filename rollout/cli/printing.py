"""What can be printed without a cluster?"""

import click


@click.command()
def crds() -> None:
    """Print the CustomResourceDefinitions as YAML, ready for `kubectl apply --server-side -f -`."""
    import yaml

    from rollout.crds import definitions

    click.echo(yaml.safe_dump_all(definitions().values(), sort_keys=False), nl=False)


@click.command()
@click.argument("kind", type=click.Choice(["rollout", "meshmigration"]), default="rollout")
def diagrams(kind: str) -> None:
    """Print the transition table of a Rollout, or of a namespace that moves into a mesh, as a Mermaid state diagram."""
    from rollout.diagrams import migration_diagram, rollout_diagram

    click.echo(migration_diagram() if kind == "meshmigration" else rollout_diagram(), nl=False)


@click.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    click.echo(f"rollout {installed('rollout-controller')}")
