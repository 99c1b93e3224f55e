"""What would Prometheus answer to a selector over a time range?

Just as much of Prometheus' HTTP API as is needed to read raw counters: an instant query whose expression is a range selector,
`metric{label="x",other=~"a|b"}[60s]`. Everything else is refused as bad_data; this is no query engine.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from rollout.demo.bootstrap import LOOPBACK
from rollout.demo.exposition import unescaped
from rollout.demo.matches import Json
from rollout.demo.metrics import History, Matcher, Series

RANGE = re.compile(
    r"\s*(?P<name>[a-zA-Z_:][\w:]*)?\s*(?:\{(?P<matchers>.*)\})?\s*\[\s*(?P<window>\w+)\s*\]\s*", re.DOTALL
)
MATCHER = re.compile(
    r'\s*(?P<label>[a-zA-Z_]\w*)\s*(?P<sign>=~|!~|!=|=)\s*(?P<quote>["\'])(?P<value>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\s*(?:,|$)'
)
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
UNSUPPORTED = 'only a range selector is answered here, such as metric{label="x",other=~"a|b"}[60s]'


class QueryError(ValueError):
    """A query that this server does not answer; says what it does answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A parsed range selector."""

    is_wanted: Matcher
    window: timedelta


def selector(query: str) -> Selector:
    """The range selector that `query` is; raises QueryError when it is anything else."""
    found = RANGE.fullmatch(query)
    if found is None or not (found["name"] or found["matchers"]):
        raise QueryError(f"{query!r}: {UNSUPPORTED}")
    matchers = list(_matchers(found["matchers"] or ""))
    if found["name"]:
        matchers.append(lambda labels: labels.get("__name__") == found["name"])
    return Selector(
        is_wanted=lambda labels: all(matcher(labels) for matcher in matchers), window=_window(found["window"])
    )


def _matchers(text: str) -> list[Matcher]:
    answer = []
    position = 0
    while position < len(text):
        found = MATCHER.match(text, position)
        if found is None:
            raise QueryError(f"{text[position:]!r} is no label matcher; {UNSUPPORTED}")
        answer.append(_matcher(found["label"], found["sign"], unescaped(found["value"])))
        position = found.end()
    return answer


def _matcher(label: str, sign: str, value: str) -> Matcher:
    """A label that is absent is the empty text; regular expressions match the whole value (Prometheus)."""
    if sign in {"=", "!="}:
        return lambda labels: (labels.get(label, "") == value) is (sign == "=")
    try:
        regex = re.compile(value, re.DOTALL)
    except re.error as error:
        raise QueryError(f"{label}{sign}{value!r}: {error}") from error
    return lambda labels: (regex.fullmatch(labels.get(label, "")) is not None) is (sign == "=~")


def _window(text: str) -> timedelta:
    found = DURATION.fullmatch(text)
    days, hours, minutes, seconds, milliseconds = (int(part or 0) for part in found.groups()) if found else (0,) * 5
    window = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
    if not window:
        raise QueryError(f"[{text}] is no duration such as 60s or 1m30s")
    return window


def moment(text: str) -> datetime:
    """The time of a query: seconds since 1970 or RFC 3339; raises QueryError."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise QueryError(f"time {text!r} is neither seconds since 1970 nor RFC 3339") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Api:
    """The HTTP handlers over one history."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def query(self, request: web.Request) -> web.Response:
        """/api/v1/query, GET or POST."""
        form = await request.post() if request.method == "POST" else {}
        parameters: Mapping[str, str] = {**request.query, **{key: str(value) for key, value in form.items()}}
        try:
            wanted = selector(parameters.get("query", ""))
            end = moment(parameters["time"]) if "time" in parameters else datetime.now(UTC)
        except QueryError as error:
            return web.json_response({"status": "error", "errorType": "bad_data", "error": str(error)}, status=400)
        found = self._history.select(wanted.is_wanted, end - wanted.window, end)
        return _success({"resultType": "matrix", "result": [_written(series) for series in found]})

    async def build(self, _: web.Request) -> web.Response:
        """/api/v1/status/buildinfo; the version says which Prometheus is imitated."""
        return _success({"version": "2.42.0", "revision": "rollout-demo", "branch": "", "goVersion": ""})

    async def ready(self, _: web.Request) -> web.Response:
        """/-/ready."""
        return web.Response(text="Prometheus stand-in of the rollout demo is ready.\n")


@asynccontextmanager
async def serving(history: History) -> AsyncIterator[str]:
    """The base URL of the API on a free loopback port, until the end of this block."""
    api = Api(history)
    app = web.Application()
    app.add_routes([web.get("/api/v1/query", api.query), web.post("/api/v1/query", api.query)])
    app.add_routes([web.get("/api/v1/status/buildinfo", api.build)])
    app.add_routes([web.get(path, api.ready) for path in ("/", "/-/ready", "/-/healthy")])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _success(data: Json) -> web.Response:
    return web.json_response({"status": "success", "data": data})


def _written(series: Series) -> Json:
    values = [[round(at.timestamp(), 3), _number(value)] for at, value in series.points]
    return {"metric": dict(series.labels), "values": values}


def _number(value: float) -> str:
    """As Prometheus writes it: 12 not 12.0, +Inf, NaN."""
    match repr(value):
        case "nan":
            return "NaN"
        case "inf" | "-inf" as text:
            return "+Inf" if text == "inf" else "-Inf"
        case text:
            return text.removesuffix(".0")
