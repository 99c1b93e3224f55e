"""How does a shell complete `rollout`?"""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--program", default="rollout", show_default=True, help="The name it is called by.")
def completion(shell: str, program: str) -> None:
    """Print a completion script: `source <(rollout completion bash)`."""
    from click.shell_completion import get_completion_class

    from rollout.cli.main import main

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}; use bash, zsh or fish")
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    script = found(main, {}, program, variable)
    # Not `script.source()`: that one runs bash to look at its version, which may not be here.
    click.echo(script.source_template % script.source_vars())
