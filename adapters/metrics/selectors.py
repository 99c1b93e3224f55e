"""Which series does a question ask for, and how do the questions of many become one?

Questions of one shape differ only in the names that some labels have. Together they are asked for all of these names, which
may bring series that nobody asked for: `takes` tells whose each of them is, as exactly as the server would have.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.metrics.promql import any_of, literal, quoted

ISTIO_CLUSTER = re.compile(r"outbound\|[0-9]+\|([^|]*)\|(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Form:
    """How a label's value tells a name.

    sign: before the expression of one name alone. expression: fits the values of exactly these names. names: all that a
    value may stand for.
    """

    sign: str
    expression: Callable[[Sequence[str]], str]
    names: Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Named:
    """A label that has one of these names, sorted."""

    label: str
    names: tuple[str, ...]
    form: Form

    @property
    def text(self) -> str:
        """The matcher."""
        if len(self.names) == 1 and self.form.sign == "=":
            return f"{self.label}={quoted(self.names[0])}"
        return f"{self.label}=~{quoted(self.form.expression(self.names))}"

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether a series has one of the names."""
        return any(name in self.names for name in self.form.names(labels.get(self.label, "")))


Part = str | Named
Shape = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant selector. metric: "" where a matcher names it; parts: matchers, those that are the same for all as text."""

    metric: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """As a person would write it for this question alone."""
        written = (part if isinstance(part, str) else part.text for part in self.parts)
        return f"{self.metric}{{{','.join(written)}}}"

    @property
    def shape(self) -> Shape:
        """What selectors must have in common to be asked for together."""
        return self.metric, tuple(part if isinstance(part, str) else (part.label, id(part.form)) for part in self.parts)

    @property
    def named(self) -> tuple[Named, ...]:
        """The matchers in which selectors of one shape differ."""
        return tuple(part for part in self.parts if isinstance(part, Named))

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of an answer to a selector of this shape is one of this selector's."""
        return all(part.takes(labels) for part in self.named)


def together(selectors: Sequence[Selector]) -> Selector:
    """One that finds the series of all of these, which have one shape, and maybe more."""
    first = selectors[0]
    parts = list(first.parts)
    for place, part in enumerate(first.parts):
        if isinstance(part, Named):
            theirs = (selector.parts[place] for selector in selectors)
            names = {name for other in theirs if isinstance(other, Named) for name in other.names}
            parts[place] = replace(part, names=tuple(sorted(names)))
    return Selector(first.metric, tuple(parts))


def is_named(label: str, name: str) -> Named:
    """The label has exactly this name."""
    return Named(label, (name,), EXACT)


def one_of(label: str, names: Iterable[str]) -> Named:
    """The label has one of these names; "" is a series without it."""
    return Named(label, tuple(names), LISTED)


def of_host(label: str, name: str) -> Named:
    """The label is a host of Kubernetes that begins with this name, "SERVICE.NAMESPACE.svc."."""
    return Named(label, (name,), HOST)


def of_cluster(label: str, plain: str, subset: str, service: str) -> Named:
    """The label is Envoy's name for a cluster: a plain one, or Istio's outbound|PORT|SUBSET|SERVICE.NAMESPACE.svc..."""
    return Named(label, (plain, f"{subset}|{service}"), CLUSTER)


def _alone(value: str) -> tuple[str, ...]:
    return (value,)


def _host_expression(names: Sequence[str]) -> str:
    return "|".join(f"{literal(name)}.+" for name in names)


def _beginnings(value: str) -> Iterable[str]:
    """All that ends with a dot and has something behind it."""
    return (value[: at + 1] for at, sign in enumerate(value[:-1]) if sign == ".")


def _cluster_expression(names: Sequence[str]) -> str:
    return "|".join(_of_one_cluster(*name.rpartition("|")) for name in names)


def _of_one_cluster(subset: str, sign: str, service: str) -> str:
    if not sign:
        return literal(service)
    return rf"outbound\|[0-9]+\|{literal(subset)}\|{literal(service)}\.svc\..+"


def _cluster_names(value: str) -> Iterable[str]:
    istio = ISTIO_CLUSTER.fullmatch(value)
    if istio is None:
        return (value,)
    hosts = (beginning.removesuffix(".svc.") for beginning in _beginnings(istio[2]) if beginning.endswith(".svc."))
    return (f"{istio[1]}|{host}" for host in hosts)


EXACT = Form("=", lambda names: any_of(*names), _alone)
LISTED = Form("=~", lambda names: any_of(*names), _alone)
HOST = Form("=~", _host_expression, _beginnings)
CLUSTER = Form("=~", _cluster_expression, _cluster_names)
