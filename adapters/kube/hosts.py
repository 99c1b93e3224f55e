"""Which Service does a host in a route mean, and which names can a template make?"""

from collections.abc import Iterator

_PLACEHOLDER = "{revision}"


def host_key(host: str, namespace: str) -> str:
    """`namespace/service` that `host` means in an object of `namespace`.

    A short name is one of the object's own namespace; `service.namespace.svc` with any cluster domain names its own.
    Whatever else has a dot is no Service: it stays whole, behind the object's namespace.
    """
    service, *rest = host.split(".")
    if len(rest) >= 2 and rest[1] == "svc":
        return f"{rest[0]}/{service}"
    return f"{namespace}/{host}"


def template_key(namespace: str, template: str) -> str:
    """Where to file a name template so that `name_keys` of every name it can make finds it.

    By the literal part before `{revision}`, or the one after it when nothing stands before; a name without
    placeholder by itself.
    """
    before, placeholder, after = template.partition(_PLACEHOLDER)
    if not placeholder:
        return f"{namespace}/={template}"
    return f"{namespace}/{before}*" if before or not after else f"{namespace}/*{after}"


def name_keys(namespace: str, name: str) -> Iterator[str]:
    """Every key under which a template that can make `name` may be filed; their number grows with the name alone."""
    yield f"{namespace}/={name}"
    for cut in range(len(name)):
        yield f"{namespace}/{name[:cut]}*"
        yield f"{namespace}/*{name[cut + 1 :]}"
