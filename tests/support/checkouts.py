"""How does a test make the repository of a shop, change it, and lint it?"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from rollout.cli.main import main
from tests.support.builders import a_rollout_manifest

AUTHOR = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false")


class Checkout:
    """A repository with a working tree at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        """What git prints."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", *AUTHOR, *arguments],
            cwd=self.path,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
        )
        return done.stdout.strip()

    def write(self, path: str, *objects: dict[str, Any]) -> None:
        """A manifest file with these objects."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump_all(json.loads(json.dumps(objects))))  # PyYAML writes shared parts as aliases

    def remove(self, path: str) -> None:
        """A file that is gone."""
        (self.path / path).unlink()

    def commit(self, message: str = "change") -> str:
        """The id of a commit of everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def release(self, revision: str) -> str:
        """A commit as people release: workload and Service are new, the Rollout names the revision."""
        self.write(f"apps/{revision}.yaml", *parts(revision))
        self.write("rollouts/checkout.yaml", a_rollout_manifest(revision=revision))
        return self.commit(f"release {revision}")

    def lint(self, *words: str) -> Result:
        """What `rollout lint PATH WORDS` shows, for the whole repository."""
        return CliRunner().invoke(main, ["lint", str(self.path), *words])


def parts(revision: str, *, image: str = "", **metadata: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Deployment and the Service of a revision."""
    labels = {"app": "checkout", "version": revision}
    placed = {"name": f"checkout-{revision}", "namespace": "shop"} | metadata
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image or revision}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": placed, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": placed,
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
    )


def released(path: Path, *revisions: str) -> Checkout:
    """A repository in which these revisions were released one after another."""
    checkout = Checkout(path)
    for revision in revisions:
        checkout.release(revision)
    return checkout
