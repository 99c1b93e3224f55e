"""Which namespace does a kubeconfig's context mean where a command names none?"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT = "default"


def default_namespace(kubeconfig: str | None, context: str | None) -> str:
    """The namespace of the (current) context, else the pod's own, else "default", as kubectl has it.

    A file that cannot be read says nothing: the connection tells what is wrong with it.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    configs = list(_configs(paths))
    wanted = context or next((name for config in configs if (name := config.get("current-context"))), "")
    for config in configs:
        for entry in config.get("contexts") or ():
            if entry.get("name") == wanted:
                return str((entry.get("context") or {}).get("namespace") or DEFAULT)
    if not configs and _IN_POD.exists():
        return _IN_POD.read_text().strip() or DEFAULT
    return DEFAULT


def _configs(paths: str) -> Iterator[Mapping[str, Any]]:
    for path in filter(None, paths.split(os.pathsep)):
        try:
            found = yaml.safe_load(Path(path).expanduser().read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        if isinstance(found, dict):
            yield found
