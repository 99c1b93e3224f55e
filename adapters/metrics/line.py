"""How is one query sent and its answer read, so that neither time nor size can run away?"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.columns import decoded
from adapters.metrics.wire import Wire

LONGEST_GET = 2000  # characters of a query; some proxies refuse lines above 4 or 8 kB, others refuse POST
PIECE = 65536
# Prometheus, Mimir and Cortex, Thanos, VictoriaMetrics
TOO_MUCH = re.compile(
    "too many samples|max(imum)? number of (samples|chunks)|samples limit|-search.maxSamples", re.IGNORECASE
)
REFUSALS = frozenset({400, 413, 414, 422, 431})  # of HTTP: what is asked is wrong, or too long for what is between
UNANSWERED = PrometheusApiClientException, requests.RequestException, HTTPError, OSError, ValueError, KeyError


class QueryError(Exception):
    """A query without an answer; the message says why and never holds a secret."""


class TooMuchError(QueryError):
    """The server refused to read so much, or the answer was too large: a coarser query may be answered."""


class RefusedError(QueryError):
    """The server does not take this query: a shorter one, or one with other names in it, may be answered."""


class Line:
    """One connection to the server, kept between queries. One query at a time."""

    def __init__(self, access: PrometheusAccess) -> None:
        self._access = access
        self._wire = Wire()
        self._session = requests.Session()
        self._session.trust_env = False  # else a .netrc entry would replace our Authorization header
        self._session.verify = str(access.ca_file) if access.ca_file else True
        if access.certificate_file:
            files = str(access.certificate_file), str(access.key_file or access.certificate_file)
            self._session.cert = files
        if access.username:
            self._session.auth = HTTPBasicAuth(access.username.encode(), access.password.encode())
        self._session.mount(access.url, self._wire)

    def ask(self, query: str, at: float, deadline: float) -> Mapping[str, Any]:
        """The server's whole answer to an instant query at `at` (seconds since 1970).

        deadline: on the monotonic clock. Raises QueryError.
        """
        headers, secrets = self._credentials()
        exchange = _Exchange(session=self._session, headers=headers, deadline=deadline, limit=self._access.most_bytes)
        method = "POST" if len(query) > LONGEST_GET else "GET"
        client = PrometheusConnect(url=self._access.url.rstrip("/"), session=exchange, retry=Retry(0), method=method)
        seconds = max(deadline - time.monotonic(), 0.001)
        try:
            client.custom_query(query, params={"time": f"{at:.3f}", "timeout": f"{seconds * 1000:.0f}ms"})
        except (*UNANSWERED, QueryError) as error:
            text = exchange.complaint() or self._why(error)
            for secret in secrets:
                text = text.replace(secret, "***")
            kind = RefusedError if exchange.status_code in REFUSALS else QueryError
            kind = TooMuchError if isinstance(error, TooMuchError) or TOO_MUCH.search(text) else kind
            raise kind(f"{self._access.place}: {text}") from error
        return exchange.json()

    def cut(self) -> None:
        """Break the connection, whatever a thread waits for on it: even a server that sends one byte a second ends."""
        self._wire.cut()

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def _credentials(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """The headers of a query, and what of them must not be told. Raises QueryError."""
        headers = dict(self._access.headers)
        secrets = [self._access.password, *headers.values()]
        if self._access.bearer_file:
            try:
                token = self._access.bearer_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise QueryError(
                    f"the bearer token file {self._access.bearer_file} cannot be read: {self._why(error)}"
                ) from error
            headers["Authorization"] = f"Bearer {token}"
            secrets.append(token)
        return headers, tuple(secret for secret in secrets if secret)

    def _why(self, error: BaseException | None) -> str:
        """The reason at the bottom of a chain of errors, in few words."""
        while error is not None:
            if isinstance(error, QueryError):
                return str(error)
            if isinstance(error, requests.Timeout | TimeoutError):
                return f"no answer within {self._access.deadline.total_seconds():g} s"
            if isinstance(error, OSError) and error.strerror:
                return error.strerror[:1].lower() + error.strerror[1:]
            below = getattr(error, "reason", None) or error.__cause__ or error.__context__
            if not isinstance(below, BaseException):
                break
            error = below
        return f"{type(error).__name__}: {str(error)[:200]}"


@dataclass(slots=True)
class _Exchange:
    """What PrometheusConnect takes for its requests.Session, for one query.

    It keeps the whole answer (the library returns the result without its warnings), sends a POST's parameters as the
    body (the library leaves them in the URL), and reads no longer than the deadline and no more than `limit` bytes.
    """

    session: requests.Session
    headers: Mapping[str, str]
    deadline: float
    limit: int
    status_code: int = 0
    content: bytes = b""
    answer: Mapping[str, Any] | None = None

    @property
    def verify(self) -> object:
        """Read by the library and handed back to `request`; the session below knows it."""
        return self.session.verify

    @property
    def cert(self) -> object:
        """As `verify`."""
        return self.session.cert

    def mount(self, _prefix: str, _adapter: HTTPAdapter) -> None:
        """Nothing: the session below has its adapter, and a new one for each query would drop the kept connection."""

    def request(self, *, method: str, url: str, params: Mapping[str, str], **_: object) -> "_Exchange":
        """The answer, read to its end."""
        is_post = method == "POST"
        with self.session.request(
            method,
            url,
            params=None if is_post else params,
            data=params if is_post else None,
            headers=self.headers,
            timeout=self._left(),
            stream=True,
            allow_redirects=False,
        ) as response:
            self.content = b"".join(self._pieces(response))
            self.status_code = response.status_code
        return self

    def json(self) -> Mapping[str, Any]:
        """What the library takes the result from, parsed once. Raises QueryError when it could not."""
        if self.status_code != 200:
            return {}
        if self.answer is None:
            answer = self._parsed()
            data = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(answer, dict) or not isinstance(data, dict) or "result" not in data:
                raise QueryError("the answer is not of Prometheus' shape: does the URL lead to one?")
            self.answer = answer
        return self.answer

    def complaint(self) -> str:
        """What the server itself says went wrong; "" when it said nothing readable."""
        if self.status_code in {0, 200}:
            return ""
        with suppress(QueryError, KeyError, TypeError):
            answer = cast("Mapping[str, str]", self._parsed())
            return f"{answer['errorType']}: {answer['error']} (HTTP {self.status_code})"
        text = self.content[:200].decode(errors="replace").strip()
        return f"HTTP {self.status_code}" + (f": {text}" if text else "")

    def _parsed(self) -> object:
        try:
            return decoded(self.content)
        except (ValueError, RecursionError) as error:  # the latter: nested deeper than any answer
            raise QueryError("the answer is no JSON: does the URL lead to a Prometheus?") from error

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        size = 0
        while piece := response.raw.read1(PIECE, decode_content=True):
            size += len(piece)
            if size > self.limit:
                raise TooMuchError(f"the answer is larger than {self.limit} bytes: narrow the query or its selector")
            self._left()
            yield piece

    def _left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError after it."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
