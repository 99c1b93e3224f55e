"""Which protocol does Istio take a port of a Service for?"""

from collections.abc import Iterator
from enum import StrEnum

from rollout.migration.preflight.gathered import Obj

# pkg/config/kube: without a declaration these ports of a Service are TCP, all others are sniffed
WELL_KNOWN = frozenset({25, 53, 3306, 27017})


class Spoken(StrEnum):
    """What a proxy does with the bytes. SNIFFED: it waits for the client's first ones to find out."""

    HTTP = "HTTP"
    HTTP2 = "HTTP/2"
    TLS = "TLS"
    TCP = "TCP"
    SNIFFED = "nothing"


PLAIN_HTTP = frozenset({Spoken.HTTP, Spoken.HTTP2})
_NAMES = {
    "http": Spoken.HTTP,
    "http_proxy": Spoken.HTTP,
    "grpc-web": Spoken.HTTP,
    "kubernetes.io/ws": Spoken.HTTP,
    "http2": Spoken.HTTP2,
    "grpc": Spoken.HTTP2,
    "kubernetes.io/h2c": Spoken.HTTP2,
    "https": Spoken.TLS,
    "tls": Spoken.TLS,
    "kubernetes.io/wss": Spoken.TLS,
    "tcp": Spoken.TCP,
    "udp": Spoken.TCP,  # as the name of a TCP port
    "mongo": Spoken.TCP,
    "mysql": Spoken.TCP,
    "redis": Spoken.TCP,
}


def spoken(port: Obj) -> Spoken:
    """By appProtocol, else by the name's part before the first dash, else by the port's number."""
    word = str(port.get("appProtocol") or port.get("name") or "").lower()
    if word.startswith("grpc-web"):
        return Spoken.HTTP
    found = _NAMES.get(word) or _NAMES.get(word.partition("-")[0])
    return found or (Spoken.TCP if port["port"] in WELL_KNOWN else Spoken.SNIFFED)


def tcp_ports(service: Obj) -> Iterator[tuple[str, Obj]]:
    """The ports of a Service that are no UDP or SCTP, each with its path."""
    for index, port in enumerate((service.get("spec") or {}).get("ports") or ()):
        if port.get("protocol", "TCP") == "TCP":
            yield f"spec.ports[{index}]", port


def is_external(service: Obj) -> bool:
    """Whether the Service is only another name for a host elsewhere."""
    return bool((service.get("spec") or {}).get("type") == "ExternalName")
