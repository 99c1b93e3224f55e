"""Can any bytes at all in a watch, cut anywhere, bring the cache down, make it stand still, or fill the memory?"""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.reflector import Pace
from adapters.kube.statuses import error_of, watch_error
from adapters.kube.streams import documents
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import PortError, Unreachable
from tests.support.examples import examples
from tests.support.followed import until

MIB = 1024 * 1024
AT_ONCE = Pace(first_delay=timedelta(0), longest_delay=timedelta(0), resumes=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=3)
versions = st.sampled_from(("1", "5", "7", "-1", "", "x", "99999999999999999999")) | values
metadata = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from("ab") | values,
        "namespace": st.just("shop") | values,
        "resourceVersion": versions,
    },
)
pods = st.fixed_dictionaries(
    {}, optional={"kind": values, "metadata": metadata | values, "spec": values, "status": values}
)
kinds = st.sampled_from(("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "STRANGE")) | values
events = st.fixed_dictionaries({}, optional={"type": kinds, "object": pods | values}) | values
lines = events.map(lambda event: json.dumps(event).encode()) | st.binary(max_size=20)
streams = st.lists(lines, max_size=4).map(lambda several: b"\n".join((*several, b"")))


async def pieces(content: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    """The bytes, cut at these places."""
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for start, end in pairwise(places):
        yield content[start:end]


async def read(content: bytes, cuts: list[int]) -> list[Any]:
    """All documents of a stream."""
    return [document async for document in documents(pieces(content, cuts))]


@examples(200)
@given(st.lists(objects, max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_a_stream_is_the_same_wherever_it_is_cut(written: list[Any], cuts: list[int]) -> None:
    content = b"".join(json.dumps(document).encode() + b"\n" for document in written)

    assert asyncio.run(read(content, cuts)) == written


@examples(200)
@given(streams | st.binary(max_size=60), st.lists(st.integers(0, 100), max_size=4))
def test_any_stream_is_objects_or_an_error_of_its_own(content: bytes, cuts: list[int]) -> None:
    try:
        found = asyncio.run(read(content, cuts))
    except ValueError:
        return

    assert all(isinstance(document, dict) for document in found)


def test_a_line_that_nests_for_ever_is_an_error_of_its_own() -> None:
    with pytest.raises(ValueError, match="nest"):
        asyncio.run(read(b'{"a":' * 100_000 + b"\n", []))


@pytest.mark.slow
def test_a_line_without_an_end_is_given_up_before_it_fills_the_memory() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * MIB

    async def reads() -> None:
        async for _ in documents(endless()):
            pass

    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="longer than"):
            asyncio.run(reads())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * 32 * MIB


class MadApi(DirectApi):
    """A `KubeApi` that lists pod shop/a at version 5, watches streams nobody should send, and then pod shop/sane."""

    def __init__(self, sent: list[bytes], listed: Any) -> None:
        super().__init__(MemoryCluster())
        self._sent = list(sent)
        self._listed = [listed] if listed is not None else []

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Discovery as it is, and the list; at first the one that was given."""
        answer = await super().get(path, query)
        if not path.endswith("/pods"):
            return answer
        good = {"metadata": {"resourceVersion": "5"}, "items": [_pod("a", "3")]}
        found: dict[str, Any] = self._listed.pop() if self._listed else good
        return found

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """One stream after the other; the last one never ends."""
        if self._sent:
            try:
                async for event in documents(pieces(self._sent.pop(0), [])):
                    yield event
            except ValueError as error:
                raise Unreachable(f"{path} {query}: {error}") from error
            return
        yield {"type": "ADDED", "object": _pod("sane", str(10**25))}
        await asyncio.Event().wait()


def _pod(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}}


async def followed(sent: list[bytes], listed: Any = None) -> list[str]:
    """The names of the pods that the cache shows once it has come through all of it."""
    cache = Cache(MadApi(sent, listed), [KINDS["Pod"]], pace=AT_ONCE)
    following = asyncio.create_task(cache.run())
    try:
        await until(lambda: following.done() or cache.get("Pod", "shop", "sane") is not None)
        assert not following.done(), following.exception()
        return [obj["metadata"]["name"] for obj in cache.list("Pod")]
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@examples(150)
@given(st.lists(streams, max_size=3))
def test_whatever_a_watch_says_the_cache_goes_on_following(sent: list[bytes]) -> None:
    assert "sane" in asyncio.run(followed(sent))


@examples(100)
@given(
    st.fixed_dictionaries(
        {}, optional={"metadata": metadata | values, "items": st.lists(pods | values, max_size=3) | values}
    )
)
def test_whatever_a_list_says_the_cache_goes_on_following(listed: dict[str, Any]) -> None:
    assert "sane" in asyncio.run(followed([], listed))


@examples(200)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "kind": st.just("Status") | values,
            "code": st.sampled_from((404, 409, 410, 422, 429, 503)) | values,
            "message": values,
            "details": st.fixed_dictionaries({}, optional={"retryAfterSeconds": values, "causes": values}) | values,
        },
    )
    | values
)
def test_any_status_is_an_error_of_a_port(status: Any) -> None:
    told = watch_error("WATCH /pods", status)
    answered = error_of("GET /pods", 503, json.dumps(status), {"Retry-After": "99999999999999999999"})

    assert isinstance(told, PortError)
    assert (told.retry_after or timedelta(0)) <= timedelta(minutes=10)
    assert isinstance(answered, Unreachable)


def test_an_event_without_metadata_is_no_end_of_the_cache() -> None:
    assert asyncio.run(followed([b'{"type":"ADDED","object":{"spec":{}}}\n'])) == ["a", "sane"]
