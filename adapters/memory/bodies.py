"""What does the body of a request hold, and which field is in it twice?"""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from adapters.memory.statuses import RefusalError

_DEEPEST = 100  # no object of Kubernetes is nested so deep


@dataclass(frozen=True, slots=True)
class Body:
    """An object or a list. repeated: names of fields of which all but the last value was lost, in their order."""

    value: dict[str, Any] | list[Any]
    repeated: tuple[str, ...] = ()


def parsed(content_type: str, body: bytes) -> Body:
    """A body of JSON or YAML, whatever of both the content type says; raises RefusalError (400, 415)."""
    if not content_type.endswith(("json", "yaml")):
        hint = "the memory cluster takes JSON and YAML only; instead of `kubectl create` use `kubectl apply`"
        raise RefusalError(415, f"the body of the request was in an unknown format ({content_type}): {hint}")
    repeated: list[str] = []
    try:
        found = json.loads(body or b"{}", object_pairs_hook=lambda pairs: _mapping(pairs, repeated))
    except ValueError:
        repeated.clear()
        found = _yaml(body, repeated)
    if not isinstance(found, dict | list):
        raise RefusalError(400, "the body of the request is neither an object nor a list")
    return Body(found, tuple(repeated))


def _mapping(pairs: list[tuple[str, Any]], repeated: list[str]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated += [name for index, name in enumerate(names) if name in names[:index]]
    return dict(pairs)


def _yaml(body: bytes, repeated: list[str]) -> object:
    try:
        for node in _nodes(yaml.compose(body, Loader=yaml.SafeLoader), depth=0):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            repeated += [name for index, name in enumerate(names) if name in names[:index]]
        return json.loads(json.dumps(yaml.safe_load(body), default=str))  # YAML knows dates, JSON does not
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RefusalError(400, f"the body of the request is neither JSON nor YAML: {error}") from error


def _nodes(node: yaml.Node | None, depth: int) -> list[yaml.MappingNode]:
    """All mappings of a document, outermost first."""
    if not isinstance(node, yaml.CollectionNode) or depth > _DEEPEST:
        return []
    inside = [part for _, part in node.value] if isinstance(node, yaml.MappingNode) else node.value
    own = [node] if isinstance(node, yaml.MappingNode) else []
    return own + [found for part in inside for found in _nodes(part, depth + 1)]
