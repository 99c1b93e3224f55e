"""How does a Prometheus answer that has scraped every revision of a crowd, and how often was it asked?

Each revision has one pod with a steady rate of requests since before the server began; those to a workload may turn bad.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from threading import Event, Thread

from aiohttp import web

from tests.bench.crowd import namespace_of

SCRAPE_S = 5
HISTORY_S = 600
PER_SECOND = 200.0
BOUNDS_MS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000)  # Istio's, without hours
MATCHER = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')
DETAIL = re.compile(r'=~?"(?:[^"\\]|\\.)*"|\[\d+s\]')  # what tells two queries of one template apart
RANGE = re.compile(r"\[(\d+)s\]$")
BUCKET = "istio_request_duration_milliseconds_bucket"


class AnsweringPrometheus:
    """Answers in a thread of its own. queries: the time of each; url: empty until it has started."""

    def __init__(self, scrape_s: int = SCRAPE_S) -> None:
        self._every = scrape_s
        self.url = ""
        self.queries: list[float] = []
        self.templates: Counter[str] = Counter()  # queries by their text without values and windows
        self.bad: dict[str, tuple[tuple[float, float], ...]] = {}  # by workload: from when to when
        self._begun = time.time() // scrape_s * scrape_s - HISTORY_S
        self._loop = asyncio.new_event_loop()
        self._is_up = Event()
        self._thread = Thread(target=self._run, name="prometheus", daemon=True)

    def start(self) -> None:
        """Return when it listens."""
        self._thread.start()
        if not self._is_up.wait(10):
            raise TimeoutError("the answering Prometheus does not listen after 10 s")

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def turn_bad(self, workload: str) -> None:
        """Half of the requests to a workload fail from now on."""
        self.bad[workload] = (*self.bad.get(workload, ()), (time.time(), float("inf")))

    def turn_good(self, workload: str) -> None:
        """No more requests to a workload fail."""
        *before, (since, until) = self.bad[workload]
        self.bad[workload] = (*before, (since, min(until, time.time())))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._is_up.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        app = web.Application()
        app.add_routes([web.get("/api/v1/query", self._respond), web.post("/api/v1/query", self._respond)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _respond(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else request.query
        self.queries.append(time.time())
        self.templates[DETAIL.sub("", str(form["query"]))] += 1
        found = ",".join(self._series(str(form["query"]), float(str(form["time"]))))
        text = f'{{"status":"success","data":{{"resultType":"matrix","result":[{found}]}}}}'
        return web.Response(text=text, content_type="application/json")

    def _series(self, query: str, at: float) -> Iterator[str]:
        asked = {name: (how, value) for name, how, value in MATCHER.findall(query)}
        seconds = RANGE.search(query)
        if seconds is None or asked.get("reporter", ("=", ""))[1] != "destination":
            return
        last = at // self._every * self._every
        first = max(-((int(seconds[1]) - at) // self._every) * self._every, self._begun)  # a scrape, as the last one
        places, wanted_le = _names(asked["destination_workload_namespace"]), _names(asked.get("le", ("=", "")))
        for workload in _names(asked["destination_workload"]):
            place = places[0] if len(places) == 1 else namespace_of(workload)
            if place not in places:
                continue
            labels = {
                "reporter": "destination",
                "destination_workload_namespace": place,
                "destination_workload": workload,
                "instance": f"{workload}-0.{place}",
                "job": "pods",
            }
            bad = self.bad.get(workload, ())
            times = (range(round(first), round(last) + 1, self._every), self._begun)
            if BUCKET in query:
                for bound in (*BOUNDS_MS, float("inf")):
                    le = "+Inf" if bound == float("inf") else f"{bound:g}"
                    part = min(1.0, bound / 50) if bound < 500 else 1.0
                    if wanted_le != [""] and le not in wanted_le:
                        continue
                    yield _line({"__name__": BUCKET, "le": le, **labels}, _points(*times, part, (), False))
            else:
                metric = {"__name__": "istio_requests_total", **labels}
                yield _line({**metric, "response_code": "200"}, _points(*times, 1.0, bad, False))
                if bad and last > bad[0][0]:
                    yield _line({**metric, "response_code": "500"}, _points(*times, 1.0, bad, True))


def _names(matcher: tuple[str, str]) -> list[str]:
    """The names that a matcher of one or of many asks for."""
    how, text = matcher
    return text.replace("\\", "").split("|") if how == "=~" else [text]


def _line(labels: dict[str, str], points: str) -> str:
    return f'{{"metric":{json.dumps(labels)},"values":{points}}}'


@cache
def _points(times: range, begun: float, part: float, bad: tuple[tuple[float, float], ...], is_bad: bool) -> str:
    """Values of a counter at each scrape; is_bad: of the half that fails while it is `bad`, else of the rest."""
    found = []
    for at in times:
        failed = sum(max(0.0, min(at, until) - since) for since, until in bad) * PER_SECOND / 2
        value = failed if is_bad else (at - begun) * PER_SECOND * part - failed
        found.append([at, f"{value:.0f}"])
    return json.dumps(found)
