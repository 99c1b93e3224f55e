"""Which route objects could exist? Hypothesis strategies over every dialect, with fields that nobody here knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from rollout.model.actions import Split
from rollout.model.names import BackendName
from rollout.model.rollout import RouteRef
from rollout.traffic.dialects import DIALECTS, Dialect
from tests.support.objects import SAMPLES

V0, V1, V2 = (BackendName(service=f"checkout-v{number}") for number in range(3))
OURS = ("checkout-v0", "checkout-v1", "checkout-v2")
STYLES = ("", ".shop", ".shop.svc", ".shop.svc.cluster.local")

_json = st.sampled_from((None, True, 0, 2.5, "a/b~c", [], [{"weight": 7}], {"c~/d": {"weight": None}}))
_extras = st.dictionaries(
    st.sampled_from(("timeout", "filters", "retries", "x/y", "port", "headers")), _json, max_size=2
)
_weights = st.none() | st.integers(0, 4) | st.sampled_from((5, 20, 25, 50, 75, 80, 95, 100, 200, 1000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An object with its reference and the row that reads it."""

    obj: Mapping[str, Any]
    ref: RouteRef
    dialect: Dialect


def case(obj: Mapping[str, Any]) -> Case:
    """The case of an object, all of its routes admitted."""
    ref = RouteRef(kind=obj["kind"], name=obj["metadata"]["name"])
    return Case(obj=obj, ref=ref, dialect=DIALECTS[obj["kind"]])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A sample or a generated object."""
    if draw(st.integers(0, 3)) == 0:
        return case(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))]())
    dialect = DIALECTS[draw(st.sampled_from(sorted(DIALECTS)))]
    spec: dict[str, Any] = draw(_extras)
    for path in dialect.pools:
        _place(draw, spec, path.split(".")[1:], dialect)
    metadata = {"name": "checkout", "namespace": "shop", "resourceVersion": "9", "labels": {"a/b": "c"}}
    return case({"kind": dialect.kind, "apiVersion": "any/v1", "metadata": metadata, "spec": spec, **draw(_extras)})


def splits() -> st.SearchStrategy[Split]:
    """Splits between v1 and v2, with v0 idle, gone or unheard of."""
    return st.builds(
        Split,
        stable=st.sampled_from((V1, V1, V1, None)),
        canary=st.just(V2),
        weight=st.sampled_from((0, 1, 5, 10, 25, 50, 80, 99, 100)),
        idle=st.sampled_from(((), (V0,))),
        gone=st.sampled_from(((), (V0,))),
    )


def _place(draw: st.DrawFn, spec: dict[str, Any], names: list[str], dialect: Dialect) -> None:
    if len(names) == 1:
        spec[names[0]] = draw(st.lists(_entry(dialect), max_size=4))
        return
    routes = [draw(_extras) for _ in range(draw(st.integers(0, 2)))]
    for route in routes:
        if draw(st.booleans()):
            route["name"] = draw(st.sampled_from(("api", "web")))
        if draw(st.integers(0, 4)) > 0:
            route[names[1]] = draw(st.lists(_entry(dialect), max_size=4))
    spec[names[0].removesuffix("[]")] = routes


@st.composite
def _entry(draw: st.DrawFn, dialect: Dialect) -> dict[str, Any]:
    name = draw(st.sampled_from((*OURS, "checkout-v1", "checkout-v1", "legacy", "legacy.attic")))
    entry = draw(_extras)
    weight = draw(_weights)
    if weight is not None:
        entry["weight"] = weight
    if dialect.is_host:
        style = "" if "." in name else draw(st.sampled_from(STYLES))
        return {**entry, "destination": {"host": name + style, **draw(_extras)}}
    return {**entry, dialect.service: name}
