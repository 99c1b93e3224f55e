"""How is a metrics server reached: where, as whom, and within which bounds?"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

MIB = 1024 * 1024
AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusAccess:
    """What the adapter must know of one server.

    url: without credentials. mesh: istio, linkerd, envoy, or auto. deadline: for one question, waiting in the queue
    included. connections: queries at once. bearer_file: read before each query, so a rotated token is used at once.
    headers: more request headers, such as a tenant's. most_bytes, most_series: of one answer.
    """

    url: str
    mesh: str = AUTO
    deadline: timedelta = timedelta(seconds=10)
    connections: int = 4
    bearer_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    most_bytes: int = 8 * MIB
    most_series: int = 10_000

    def __post_init__(self) -> None:
        """Raises ValueError for a URL that is none, or that carries a password which would end up in messages."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"the Prometheus URL {self.place!r} must be like http://prometheus:9090")
        if parts.username or parts.password:
            raise ValueError(
                f"the Prometheus URL of {self.place} holds credentials: use the username and password settings"
            )

    @property
    def place(self) -> str:
        """Scheme, host and port, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
