"""By which steps does an existing service become a Rollout, so that no route ever names what does not serve?

First pods that say which revision they are, then a name for them in the mesh, then the routes, then the Rollout. Each
step is a manifest to commit; what is so already is left out.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollout.manifest.errors import Problem
from rollout.manifest.fields import LABEL as NAME_PATTERN
from rollout.manifest.group import API_VERSION
from rollout.manifest.kinds import read_git_source, read_rollout
from rollout.model.names import BackendName, Key, filled
from rollout.ports.objects import Obj
from rollout.services.adopting import AdoptionError, Parts, Wish, named_by, pod_labels, title
from rollout.services.owners import ignore_snippet
from rollout.traffic.dialects import DIALECTS, Acceptance
from rollout.traffic.entries import backend_of, renamed
from rollout.traffic.owners import owner_of
from rollout.traffic.subsets import GROUP, KIND, host_of, is_own, subset_labels
from rollout.traffic.weights import places

LABEL = "version"  # what Istio and Kiali call the label of a revision
_FIRST = "v1"
# What tools and the server write on an object is not for git.
_MARKS = (
    *("kubectl.kubernetes.io/", "deployment.kubernetes.io/", "argocd.argoproj.io/", "meta.helm.sh/"),
    *("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"),
)
_PROXIES = "30 s, until every proxy knows it"
STEPS = ({"weight": 5, "soak": "10m"}, {"weight": 25, "soak": "10m"}, {"weight": 50, "soak": "10m"})
OBJECTIVES = ({"name": "errors", "kind": "error-ratio", "max": "1%"},)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One manifest to commit and apply. words: what it is for; wait: what must be so before the next step."""

    obj: Obj
    words: tuple[str, ...]
    wait: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What revisions will be called. labels: of the pods, with {revision}; subset: whether one Service is kept."""

    revision: str
    service: str
    workload: str
    labels: tuple[tuple[str, str], ...]
    subset: bool

    @property
    def carried(self) -> dict[str, str]:
        """The labels of the present revision's pods."""
        return {name: filled(value, self.revision) for name, value in self.labels}

    @property
    def backend(self) -> BackendName:
        """How routes will name the present revision."""
        if self.subset:
            return BackendName(service=self.service, subset=self.revision)
        return BackendName(service=filled(self.service, self.revision))


def names(parts: Parts, wish: Wish) -> Names:
    """The names that fit what is there; raises AdoptionError where they cannot be told."""
    host, workload = parts.host, str(parts.workload["metadata"]["name"])
    named = sorted({name.subset for route in parts.routes for name in named_by(route) if name.service == host} - {""})
    is_subset = wish.subsets or bool(named)
    if is_subset and (other := [title(route) for route in parts.routes if route["kind"] != "VirtualService"]):
        raise AdoptionError(f"{other[0]} cannot name subsets, only a VirtualService can", "leave --subsets out")
    if named and len(named) > 1 and wish.revision not in named:
        message = f"the routes name the subsets {', '.join(named)} of {host}"
        raise AdoptionError(message, "--revision NAME says which of them serves now")
    if named and wish.revision and wish.revision not in named:
        raise AdoptionError(f"the routes name subset {named[0]} of {host}, not {wish.revision}", "leave --revision out")
    carried = pod_labels(parts.workload).get(LABEL, "")
    usual = carried if re.fullmatch(NAME_PATTERN, carried) else _FIRST
    revision = wish.revision or (named[0] if named else usual)
    return Names(
        revision=revision,
        service=host if is_subset else _per_revision(host, revision),
        workload=_per_revision(workload, revision),
        labels=_labels(parts, revision) if named else ((LABEL, "{revision}"),),
        subset=is_subset,
    )


def _per_revision(name: str, revision: str) -> str:
    """checkout and checkout-v1 both become checkout-{revision}."""
    return name.removesuffix(f"-{revision}") + "-{revision}"


def _labels(parts: Parts, revision: str) -> tuple[tuple[str, str], ...]:
    """The labels of an existing subset, as a pattern for all revisions."""
    labels = subset_labels(parts.rules, parts.host, revision)
    if labels is None:
        message = f"no {KIND} defines subset {revision} of {parts.host}, which a route names"
        raise AdoptionError(message, f"define it in a {KIND} first")
    if revision not in labels.values():
        message = f"subset {revision} of {parts.host} has no label with its own name, so the next one cannot be told"
        raise AdoptionError(message, f"call subsets after the pods' label: {LABEL}={revision}")
    return tuple(sorted((name, "{revision}" if value == revision else value) for name, value in labels.items()))


def steps(parts: Parts, wish: Wish, named: Names) -> tuple[Step, ...]:
    """What to apply, in this order; raises AdoptionError where the result would be no valid Rollout."""
    mesh = _rule(parts, named) if named.subset else _service(parts, named)
    found = [*_workload(parts, named), *mesh]
    for step in found:
        _check_free(parts, step.obj)
    for route in parts.routes:
        found += _route(route, parts.host, named)
    return (*found, *_ours(parts, wish, named))


def _check_free(parts: Parts, obj: Obj) -> None:
    """What has the name already must be what a former try made of it."""
    if title(obj) in (title(parts.service), title(parts.workload)):
        return
    for other in parts.others:
        if title(other) == title(obj) and other["spec"].get("selector") != obj["spec"].get("selector"):
            message = f"{title(obj)} is there already, with another selector than it would have"
            raise AdoptionError(message, "--revision NAME that is not taken")


def _workload(parts: Parts, named: Names) -> Iterator[Step]:
    obj, name = _clean(parts.workload), filled(named.workload, named.revision)
    is_same = obj["metadata"]["name"] == name
    if is_same and named.carried.items() <= pod_labels(obj).items():
        return
    obj["metadata"]["name"] = name
    spec = obj["spec"]
    template = spec["template"]["metadata"]
    template["labels"] = {**(template.get("labels") or {}), **named.carried}
    if not is_same:  # a selector cannot be changed afterwards
        selector = spec.setdefault("selector", {})
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **named.carried}
    what = f"{title(obj)} runs what {title(parts.workload)} runs, and its pods say that they are {named.revision}."
    if is_same:
        what = f"The pods of {title(obj)} say that they are {named.revision}; they are replaced once."
    words = [what, *_owned(parts.workload)]
    if obj["kind"] == "StatefulSet" and not is_same:
        words.append("Its volumes are new and empty: data does not move by itself.")
    wait = f"kubectl rollout status {obj['kind'].lower()}/{name} -n {obj['metadata']['namespace']}"
    yield Step(obj=obj, words=tuple(words), wait=f"until it is available: `{wait}`")


def _service(parts: Parts, named: Names) -> Iterator[Step]:
    old, name = parts.service["spec"], named.backend.service
    selector = {**old["selector"], **named.carried}
    if name == parts.host and selector == old["selector"]:
        return
    obj = _clean(parts.service)
    obj["metadata"]["name"] = name
    given = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")  # by the server
    obj["spec"] = {field: value for field, value in old.items() if field not in given} | {"selector": selector}
    if name != parts.host:  # a revision needs no address of its own outside the cluster
        ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in old.get("ports") or ()]
        obj["spec"] = {"selector": selector, "ports": ports}
    if old.get("clusterIP") == "None":
        obj["spec"]["clusterIP"] = "None"
    words = (f"{title(obj)} selects the pods of {named.revision} alone.", *_owned(parts.service))
    ready = f"kubectl get endpointslices -n {obj['metadata']['namespace']} -l kubernetes.io/service-name={name}"
    yield Step(obj=obj, words=words, wait=f"until it has an endpoint for every pod: `{ready}`")
    if name != parts.host:
        yield from _policy(parts, name)


def _policy(parts: Parts, name: str) -> Iterator[Step]:
    """A traffic policy (mTLS, limits) is for one host: the revision's Service needs the same."""
    for rule in parts.rules:
        if host_of(rule) == parts.host and not is_own(rule) and rule["spec"].get("trafficPolicy"):
            obj = _clean(rule)
            obj["metadata"]["name"] = name if len(parts.rules) == 1 else f"{rule['metadata']['name']}-{name}"
            obj["spec"] = {field: value for field, value in obj["spec"].items() if field != "subsets"} | {"host": name}
            words = f"The traffic policy of {title(rule)} is for {parts.host} alone; this is the same for {name}."
            yield Step(obj=obj, words=(words, "Every later revision needs one too.", *_owned(rule)), wait=_PROXIES)


def _rule(parts: Parts, named: Names) -> Iterator[Step]:
    defined = subset_labels(parts.rules, parts.host, named.revision)
    if defined == named.carried:
        return
    if defined is not None:
        message = f"subset {named.revision} of {parts.host} is there already, with other labels ({defined})"
        raise AdoptionError(message, "--revision NAME that no subset has yet")
    of_host = [rule for rule in parts.rules if host_of(rule) == parts.host and not is_own(rule)]
    subset = {"name": named.revision, "labels": named.carried}
    if of_host:
        obj = _clean(of_host[0])
        obj["spec"]["subsets"] = [*(obj["spec"].get("subsets") or ()), subset]
    else:
        version = str(parts.routes[0]["apiVersion"]).rpartition("/")[2]
        metadata = {"name": parts.host, "namespace": parts.service["metadata"]["namespace"]}
        spec = {"host": parts.host, "subsets": [subset]}
        obj = {"apiVersion": f"{GROUP}/{version}", "kind": KIND, "metadata": metadata, "spec": spec}
    words = (f"Subset {named.revision} of {parts.host} is the pods of {named.revision} alone.",)
    later = "Subsets of later revisions are made and removed by the controller, in a rule of its own."
    yield Step(obj=obj, words=(*words, later, *(_owned(of_host[0]) if of_host else ())), wait=_PROXIES)


def _route(route: Obj, host: str, named: Names) -> Iterator[Step]:
    """The route with every entry that names the whole Service sent to the present revision instead."""
    obj, dialect, namespace = _clean(route), DIALECTS[str(route["kind"])], str(route["metadata"]["namespace"])
    unversioned, is_changed = BackendName(service=host), False
    for place in places(obj, dialect):
        for index, entry in enumerate(place.entries):
            if backend_of(entry, namespace, dialect) == unversioned != named.backend:
                place.entries[index] = renamed(entry, named.backend, namespace, dialect)
                is_changed = True
    words = [f"{title(route)} sends to {named.backend} instead of {host}; nothing else in it changes."]
    if not named.subset:
        words.append(f"Until then a run would be held (BackendsOverlap): Service {host} selects every revision's pods.")
    owner = owner_of(route)
    if owner is not None:
        words += [*_owned(route), f"Later it must leave the weights alone; add to its {owner.kind}:"]
        words += [f"  {line}" for line in ignore_snippet(owner, route).splitlines()]
    if is_changed:
        says = dialect.acceptance is Acceptance.PARENTS
        taken = "until its status says Accepted and ResolvedRefs for this generation"
        yield Step(obj=obj, words=tuple(words), wait=taken if says else _PROXIES)


def _ours(parts: Parts, wish: Wish, named: Names) -> Iterator[Step]:
    key = wish.key
    backend: dict[str, Any] = {"service": named.service}
    if named.subset:
        backend = {"subset": {"host": named.service, "name": "{revision}", "labels": dict(named.labels)}}
    spec = {
        "revision": named.revision,
        "backend": backend,
        "workload": {"kind": parts.workload["kind"], "name": named.workload},
        "routes": [{"kind": route["kind"], "name": route["metadata"]["name"]} for route in parts.routes],
        "steps": list(STEPS),
        "objectives": list(OBJECTIVES),
    }
    _check(read_rollout(spec, key, ""))
    words = (
        f"A release is a commit that adds {parts.workload['kind']} {named.workload} and changes spec.revision.",
        "Weights and soaks are careful ones; latency and further objectives are yours to add.",
    )
    wait = f"until `rollout get {key.name} -n {key.namespace}` shows Idle and stable {named.revision}"
    yield Step(obj=_own("Rollout", key, spec), words=words, wait=wait)
    if wish.git_url:
        source = {"url": wish.git_url, "ref": "main", "path": f"rollouts/{key.namespace}", "interval": "1m"}
        _check(read_git_source(source, key))
        folder = "Commit the Rollout to this folder: from now on git says which revision is live."
        yield Step(obj=_own("GitSource", key, source), words=(folder,))


def _check(read: object) -> None:
    if isinstance(read, list) and isinstance(read[0], Problem):
        raise AdoptionError(read[0].message, "--revision or another name that fits")


def _own(kind: str, key: Key, spec: dict[str, Any]) -> Obj:
    metadata = {"name": key.name, "namespace": key.namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _owned(obj: Obj) -> tuple[str, ...]:
    owner = owner_of(obj)
    return (f"{owner} applies {title(obj)}: commit this where it reads.",) if owner else ()


def _clean(obj: Obj) -> dict[str, Any]:
    """The object as git should have it."""
    metadata = obj["metadata"]
    kept: dict[str, Any] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    for field in ("labels", "annotations"):
        marks = {name: value for name, value in (metadata.get(field) or {}).items() if not name.startswith(_MARKS)}
        kept |= {field: marks} if marks else {}
    clean = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": kept}
    clean["spec"] = copy.deepcopy(obj.get("spec") or {})
    template = clean["spec"].get("template")
    if isinstance(template, dict):
        template["metadata"] = {k: v for k, v in (template.get("metadata") or {}).items() if v is not None}
    return clean
