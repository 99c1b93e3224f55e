"""Which requests does one match of a VirtualService or HTTPRoute mean, in Envoy's words?

What cannot be said exactly is refused: a match that is quietly wider than its author wrote would move traffic that
nobody meant.
"""

from collections.abc import Mapping
from typing import Any

from rollout.demo.objects import Obj, refused

Json = dict[str, Any]

EVERYTHING: Json = {"prefix": "/"}


def virtual_service_match(owner: Obj, match: Mapping[str, Any]) -> Json:
    """Envoy's RouteMatch for one HTTPMatchRequest: uri, headers, withoutHeaders, method, authority are known."""
    unknown = set(match) - {"name", "uri", "headers", "withoutHeaders", "method", "authority"}
    if unknown:
        raise refused(owner, f"match on {', '.join(sorted(unknown))} is not translated")
    headers = [
        *(_header(owner, key, value) for key, value in (match.get("headers") or {}).items()),
        *(
            _header(owner, key, value) | {"invert_match": True}
            for key, value in (match.get("withoutHeaders") or {}).items()
        ),
        *(_header(owner, f":{key}", match[key]) for key in ("method", "authority") if key in match),
    ]
    return _uri(owner, match.get("uri")) | ({"headers": headers} if headers else {})


def _uri(owner: Obj, uri: Mapping[str, str] | None) -> Json:
    match uri:
        case None:
            return dict(EVERYTHING)
        case {"prefix": str(prefix)}:
            return {"prefix": prefix}
        case {"exact": str(path)}:
            return {"path": path}
        case {"regex": str(regex)}:
            return {"safe_regex": {"regex": regex}}
    raise refused(owner, f"uri match {dict(uri)} is not translated; exact, prefix and regex are")


def _header(owner: Obj, header: str, wanted: Mapping[str, str] | None) -> Json:
    match wanted or {}:
        case {"exact": str(text)}:
            return {"name": header, "string_match": {"exact": text}}
        case {"prefix": str(text)}:
            return {"name": header, "string_match": {"prefix": text}}
        case {"regex": str(text)}:
            return {"name": header, "string_match": {"safe_regex": {"regex": text}}}
        case {}:
            if not wanted:
                return {"name": header, "present_match": True}
    raise refused(owner, f"match {header}: {wanted} is not translated; exact, prefix and regex are")


def http_route_match(owner: Obj, match: Mapping[str, Any]) -> Json:
    """Envoy's RouteMatch for one HTTPRouteMatch: path, headers and method are known."""
    unknown = set(match) - {"path", "headers", "method"}
    if unknown:
        raise refused(owner, f"match on {', '.join(sorted(unknown))} is not translated")
    headers = [_route_header(owner, header) for header in match.get("headers") or ()]
    if "method" in match:
        headers.append({"name": ":method", "string_match": {"exact": match["method"]}})
    return _path(owner, match.get("path") or {}) | ({"headers": headers} if headers else {})


def _path(owner: Obj, path: Mapping[str, str]) -> Json:
    value = path.get("value", "/")
    match path.get("type", "PathPrefix"):
        case "PathPrefix":  # whole segments: /shop matches /shop/cart, not /shopping
            trimmed = value.rstrip("/")
            return {"path_separated_prefix": trimmed} if trimmed else dict(EVERYTHING)
        case "Exact":
            return {"path": value}
        case "RegularExpression":
            return {"safe_regex": {"regex": value}}
        case kind:
            raise refused(owner, f"path match of type {kind} is not translated")


def _route_header(owner: Obj, header: Mapping[str, str]) -> Json:
    match header.get("type", "Exact"):
        case "Exact":
            return {"name": header["name"], "string_match": {"exact": header["value"]}}
        case "RegularExpression":
            return {"name": header["name"], "string_match": {"safe_regex": {"regex": header["value"]}}}
        case kind:
            raise refused(owner, f"header match of type {kind} is not translated")


def precedence(match: Json) -> tuple[int, int, int, int]:
    """Sort key of a translated HTTPRoute match: exact path, longest prefix, method, most headers.

    The order is the Gateway API's (HTTPRouteRule.matches); equals keep the order of their rules.
    """
    headers = match.get("headers", [])
    path = match.get("path") or match.get("path_separated_prefix") or match.get("prefix") or ""
    with_method = any(header["name"] == ":method" for header in headers)
    return (0 if "path" in match else 1, -len(path), 0 if with_method else 1, -len(headers))
