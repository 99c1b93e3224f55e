"""Does each question get from a joined query exactly what its own query would have given?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.metrics.buckets import wanted_bounds
from adapters.metrics.pages import Range, joined, pages, parted
from adapters.metrics.queries import MESHES, latency_selector, request_sources
from adapters.metrics.selectors import Selector
from rollout.model.measurement import Question
from rollout.model.names import BackendName
from tests.support.questions import a_question
from tests.support.scraped import Scraped, rows

NOON_MS = 1_795_000_000_000
NAMES = ("a", "b", "a.b", "svc", "a|b", 'a"b', "a\\", "(a", "a+")
LE = ("", "+Inf", "500", "500.0", "100", "1000")

names = st.sampled_from(NAMES)


@dataclass(frozen=True)
class Like:
    """What questions have in common that may be asked together: how the spec names the revision, and what is asked."""

    mesh: str
    place: int
    by_workload: bool
    subset: str
    le: tuple[str, ...]
    step: int


likes = st.builds(
    Like,
    mesh=st.sampled_from(sorted(MESHES)),
    place=st.integers(0, 2),
    by_workload=st.booleans(),
    subset=st.sampled_from(("", "v1")),
    le=st.sampled_from(((), wanted_bounds(timedelta(milliseconds=500)))),
    step=st.sampled_from((0, 0, 60)),
)


def selector_of(like: Like, question: Question) -> Selector:
    """One of those that a mesh's row asks for."""
    mesh = MESHES[like.mesh]
    known = [*(source.series for source in request_sources(mesh, question)), latency_selector(mesh, question, like.le)]
    told = [one for one in known if one is not None]
    return told[like.place % len(told)]


@st.composite
def ranges(draw: st.DrawFn, like: Like) -> Range:
    question = a_question(
        namespace=draw(names),
        workload=draw(names) if like.by_workload else "",
        backend=BackendName(service=draw(names), subset=like.subset),
        revision=draw(st.sampled_from(("v1", "v2"))),
        pods=draw(st.frozensets(names, min_size=1, max_size=3)),
    )
    end = NOON_MS + draw(st.integers(0, 9)) * 10_000  # where scrapes are: what is of an instant is seen
    selector = selector_of(like, question)
    return Range(selector=selector, seconds=10 * draw(st.integers(3, 20)), step=like.step, end=end)


@st.composite
def together(draw: st.DrawFn, most: int) -> list[Range]:
    """Questions that may be asked together."""
    return list(dict.fromkeys(draw(st.lists(ranges(draw(likes)), min_size=1, max_size=most))))


FIXED = {"reporter": "destination", "direction": "inbound", "error": "x", "response_flags": "UF"}


@st.composite
def series(draw: st.DrawFn, wanted: Sequence[Range]) -> Scraped:
    """One that some of the ranges ask for, or nearly: each name is of one of them."""
    like = wanted[0].selector
    metric = like.metric or draw(st.sampled_from(sorted({mesh.latency for mesh in MESHES.values()})))
    labels = {**FIXED, "__name__": metric, "le": draw(st.sampled_from(LE))}
    labels["reporter"] = "source" if any("source" in str(part) for part in like.parts) else "destination"
    for place, part in enumerate(like.named):
        own = draw(st.sampled_from(wanted)).selector.named[place].names
        labels[part.label] = draw(values(draw(st.sampled_from(own))))
    times = sorted(draw(st.sets(st.integers(-20, 9), max_size=6)))
    return Scraped(labels=labels, points=[(NOON_MS + 10_000 * at, str(at)) for at in times])


@st.composite
def values(draw: st.DrawFn, name: str) -> str:
    """A value that stands for a name in one way of telling it or another: itself, a host, a cluster."""
    subset, _, service = name.rpartition("|")
    host = f"{name}cluster.local"
    cluster = f"outbound|80|{subset}|{service}.svc.cluster.local"
    odd = ("", name.removesuffix("."), name, f"outbound|x|{subset}|{service}.svc.c", f"outbound|80||{service}.svc.c")
    return draw(st.sampled_from((name, name, host, host, cluster, cluster, draw(st.sampled_from(odd)))))


@given(st.data())
def test_what_is_asked_together_is_answered_as_if_it_had_been_asked_alone(data: st.DataObject) -> None:
    wanted = data.draw(together(8))
    scraped = data.draw(st.lists(series(wanted), max_size=12))

    for page in pages(wanted, most_seconds=data.draw(st.sampled_from((1000.0, 100_000.0)))):
        whole = joined(page)
        found = parted(page, rows(scraped, whole.query, whole.end))

        assert found == [rows(scraped, one.query, one.end) for one in page]


@given(together(20), st.floats(1, 5000))
def test_every_question_is_on_one_page_and_no_page_reads_more_than_it_may(wanted: list[Range], most: float) -> None:
    found = list(pages(wanted, most_seconds=most))

    assert sorted(map(id, wanted)) == sorted(id(one) for page in found for one in page)
    assert all(len(page) == 1 or joined(page).seconds * len(page) <= most + len(page) for page in found)
