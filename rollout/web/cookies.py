"""How does a sealed text travel in cookies?

By a name with the prefix `__Host-`, which a browser takes over HTTPS from this very host alone (RFC 6265bis, 4.1.3.2). By
a plain name at this machine's own, where there is no HTTPS. Too long for one cookie is two; longer is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from rollout.web.hosts import is_local

PIECE = 3800  # browsers take 4096 bytes, name and attributes included
MOST_PIECES = 2  # proxies in front take 8 KiB of one header line


class TooLongError(Exception):
    """What is to be kept does not fit into cookies; the message says how long it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """Cookies for one purpose. name: without prefix and number."""

    name: str

    def read(self, request: Request) -> str:
        """The text; "" for none. A cookie that is there twice counts as none, since nobody knows whose the second is."""
        sent = _sent(request)
        names = self._names(request)
        if any(len(sent.get(name, ())) > 1 for name in names):
            return ""
        pieces = [found[0] for name in names if (found := sent.get(name))]
        return "".join(pieces) if sent.get(names[0]) else ""

    def written(self, request: Request, text: str, seconds: int) -> tuple[str, ...]:
        """Values of Set-Cookie; also such that end the pieces that are not needed. TooLongError for more than fits."""
        pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
        if len(pieces) > MOST_PIECES:
            raise TooLongError(f"it has {len(text)} characters, cookies take {PIECE * MOST_PIECES}")
        pieces += [""] * (MOST_PIECES - len(pieces))
        kept = dict(zip(self._names(request), pieces, strict=True))
        sent = _sent(request)
        return tuple(
            _line(name, piece, seconds if piece else 0, request)
            for name, piece in kept.items()
            if piece or name in sent
        )

    def ended(self, request: Request) -> tuple[str, ...]:
        """Values of Set-Cookie after which the browser has none of them."""
        return tuple(_line(name, "", 0, request) for name in self._names(request))

    def _names(self, request: Request) -> tuple[str, ...]:
        prefix = "" if is_local(request) else "__Host-"
        return tuple(f"{prefix}{self.name}" + (f"-{number}" if number else "") for number in range(MOST_PIECES))


def _sent(request: Request) -> Mapping[str, list[str]]:
    """Every cookie of the request by name, in the order in which they came."""
    found: dict[str, list[str]] = {}
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            found.setdefault(name, []).append(value)
    return found


def _line(name: str, value: str, seconds: int, request: Request) -> str:
    secure = "" if is_local(request) else "; Secure"
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
