"""How are things called: objects, revisions' backends, and the placeholders in their names?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Key:
    """Namespace and name of an object of ours; namespace "" for one of the whole cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BackendName:
    """What an entry of a route names: a Service of the Rollout's namespace, or a subset of one.

    service: the short Service name; a host outside the namespace keeps its full name (it is never ours).
    subset: "" where the whole Service is meant.
    """

    service: str
    subset: str = ""

    def __str__(self) -> str:
        return f"{self.service}/{self.subset}" if self.subset else self.service


def backend_named(text: str) -> BackendName:
    """The BackendName whose text is `text`: "checkout-v1", or "checkout/v1" for a subset."""
    service, _, subset = text.partition("/")
    return BackendName(service=service, subset=subset)


def filled(template: str, revision: str) -> str:
    """`template` with `{revision}` replaced; `{namespace}` and `{name}` are filled when a manifest is read."""
    return template.replace("{revision}", revision)


def revision_in(template: str, text: str) -> str | None:
    """The revision that makes `template` into `text`; None when no revision does."""
    before, placeholder, after = template.partition("{revision}")
    if not placeholder:
        return None
    if not (text.startswith(before) and text.endswith(after)) or len(text) <= len(before) + len(after):
        return None
    revision = text[len(before) : len(text) - len(after)]
    return revision if filled(template, revision) == text else None
