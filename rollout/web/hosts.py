"""By which name are we called, and from where does a page of ours come?"""

from urllib.parse import urlsplit

from fastapi import Request

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def host_of(request: Request) -> str:
    """The name by which the request calls us, without port, in lower case; "" where it says none or several."""
    host = _authority(request)
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_local(request: Request) -> bool:
    """Whether the browser calls us by a name of its own machine, where there is no HTTPS."""
    return host_of(request) in LOOPBACK


def is_own_origin(origin: str, request: Request, url: str) -> bool:
    """Whether a page of this origin (RFC 6454) is one of ours. url: how people reach us, "" where it was not said.

    By the name of `url` its scheme counts too; by another one only the name and port, since nobody said which scheme.
    """
    said, own = urlsplit(origin), urlsplit(url)
    if said.scheme not in ("http", "https") or said.path or said.query or said.fragment or not said.netloc:
        return False
    if said.netloc.lower() == own.netloc.lower():
        return said.scheme == own.scheme
    return said.netloc.lower() == _authority(request)


def _authority(request: Request) -> str:
    """The Host header; "" where there is none or several."""
    named = request.headers.getlist("host")
    return named[0].strip().lower() if len(named) == 1 else ""
