"""Is this where somebody was before he signed in, or a place of somebody else?"""

from urllib.parse import quote, urlsplit

HOME = "/"
_LONGEST = 512
_NOT_BACK_TO = ("/login", "/logout", "/api/")


def local(wanted: str) -> str:
    """The path and query of a page of ours; "/" for all else.

    Nothing that a browser could read as another host: no `//`, no backslash, no control character, which it leaves out.
    """
    is_plain = len(wanted) <= _LONGEST and wanted.isascii() and wanted.isprintable() and " " not in wanted
    if not is_plain or not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return HOME
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or parts.path.startswith(_NOT_BACK_TO):
        return HOME
    return wanted


def quoted(place: str) -> str:
    """A place as the value of a query's parameter."""
    return quote(place, safe="")
