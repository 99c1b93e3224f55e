"""How is `python -m rollout.cli` run? As `rollout`."""

from rollout.cli.main import main

main(prog_name="rollout")
