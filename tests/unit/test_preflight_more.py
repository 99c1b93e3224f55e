"""Do the rows of the catalogue's second half stay silent where something else settles it?"""

from collections.abc import Callable

import pytest

from rollout.migration.preflight.catalogue import verdict
from tests.support.ailments import World, add, both, put, replace, well
from tests.support.ailments_callers import POLICY, RULE, SIDECAR, TLS_HOST, seen_calling
from tests.support.ailments_installation import (
    CILIUM,
    DNS,
    EGRESS,
    ISTIOD_POD,
    MONITOR,
    TO_ISTIOD,
    TO_PROXIES,
    meshed,
)
from tests.support.ailments_outside import ADMISSION, INGRESS, MESHED_NGINX
from tests.support.ailments_starting import MIGRATE, QUOTA, held_without_native

NOTES = "spec.template.metadata.annotations"
TO_ADDRESS = "{to: [{ipBlock: {cidr: 10.0.0.0/16}}], ports: [{port: 15000, endPort: 15100}]}"
WITH_CERTIFICATE = "endpoints: [{port: http, scheme: https, tlsConfig: {certFile: /etc/prom-certs/cert-chain.pem}}]"
QUIT = ["sh", "-c", "migrate; curl -XPOST localhost:15020/quitquitquit"]


def api(path: str, value: object) -> Callable[[World], None]:
    return put("Deployment", "api", path, value)


FINE = {
    "an application that is held needs no native sidecar": held_without_native,
    "a Job with a native sidecar": add(MIGRATE),
    "a Job that stops its proxy": both(
        held_without_native, add(MIGRATE), put("Job", "migrate", "spec.template.spec.containers[0].command", QUIT)
    ),
    "an init container before a native sidecar": api("spec.template.spec.initContainers", [{"name": "wait"}]),
    "a rule without a tls block": add(RULE % ("pool", "front", TLS_HOST, "trafficPolicy: {connectionPool: {}}")),
    "a rule with ISTIO_MUTUAL": add(RULE % ("mtls", "front", TLS_HOST, "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")),
    "a rule for the same name elsewhere": add(
        RULE % ("plain", "front", "api", "trafficPolicy: {tls: {mode: DISABLE}}")
    ),
    "a rule for a Service of another namespace": add(
        RULE % ("plain", "shop", "web.front.svc.cluster.local", "trafficPolicy: {tls: {mode: DISABLE}}")
    ),
    "a client's wildcard beside its own rule for the Service": both(
        add(RULE % ("all", "front", "'*.local'", "subsets: []")),
        add(RULE % ("one", "front", TLS_HOST, "subsets: []")),
        add(RULE % ("own", "shop", "api", "subsets: []")),
    ),
    "a policy about paths": add(POLICY % "rules: [{to: [{operation: {paths: [/health]}}]}]"),
    "a policy in dry run": both(
        add(POLICY % "rules: [{from: [{source: {namespaces: [front]}}]}]"),
        put("AuthorizationPolicy", "api", "metadata.annotations", {"istio.io/dry-run": "true"}),
    ),
    "a Sidecar of a namespace that does not call": add(SIDECAR % ("front", "egress: [{hosts: [./*]}]")),
    "a Sidecar that names the namespace": both(
        add(SIDECAR % ("front", "egress: [{hosts: [./*]}, {hosts: [shop/*.svc.cluster.local]}]")), seen_calling("front")
    ),
    "a Sidecar of our own with ./*": add(SIDECAR % ("shop", "egress: [{hosts: [./*, istio-system/*]}]")),
    "an include of all addresses": api(NOTES, {"traffic.sidecar.istio.io/includeOutboundIPRanges": "*"}),
    "ports that are led through in addition": api(NOTES, {"traffic.sidecar.istio.io/includeOutboundPorts": "443"}),
    "a policy for a gateway": add(POLICY % "targetRefs: [{kind: Gateway, name: public}]"),
    "a policy for pods that the namespace does not make": add(POLICY % "selector: {matchLabels: {app: web}}"),
    "a policy with the ports' names": add(EGRESS % "{ports: [{port: dns, protocol: UDP}]}, {ports: [{port: tls-xds}]}"),
    "a gateway of the mesh that calls": both(
        add("{kind: Pod, metadata: {name: gw, namespace: istio-system}, spec: {containers: [{name: istio-proxy}]}}"),
        seen_calling("istio-system"),
    ),
    "a proxy of another revision": add(
        "{kind: Pod, metadata: {name: web-1, namespace: front, annotations: {istio.io/rev: old}},"
        " spec: {containers: [{name: istio-proxy, image: 'istio/proxyv2:1.20.1'}]}}"
    ),
    "a PodDisruptionBudget without pods": both(
        put("StatefulSet", "cache", "spec.replicas", 0),
        put(
            "PodDisruptionBudget",
            "api",
            "spec",
            {"maxUnavailable": None, "minAvailable": 1, "selector": {"matchLabels": {"app": "cache"}}},
        ),
    ),
    "a webhook in another namespace": add(ADMISSION.replace("namespace: shop", "namespace: front")),
    "an ingress of Istio's class": both(add(INGRESS), put("Ingress", "web", "spec.ingressClassName", "istio")),
    "a meshed nginx that calls Services": both(
        add(INGRESS),
        add(MESHED_NGINX),
        put("Ingress", "web", "metadata.annotations", {"nginx.ingress.kubernetes.io/service-upstream": "true"}),
    ),
    "a scrape of proxies": add(MONITOR % ("PodMonitor", TO_PROXIES % "")),
    "a scrape that the proxy merges": api(NOTES, {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}),
    "a relabeling that is no regular expression of Python": add(
        MONITOR % ("PodMonitor", TO_PROXIES % "{action: labelkeep, regex: '(?P<'}")
    ),
    "a meshed pod whose metrics come": meshed,
    "an egress policy that lets proxies out": add(EGRESS % f"{DNS}, {TO_ISTIOD}"),
    "an egress policy by addresses": both(add(ISTIOD_POD), add(EGRESS % f"{DNS}, {TO_ADDRESS}")),
    "two egress policies that complete each other": both(
        add(EGRESS % DNS), add((EGRESS % TO_ISTIOD).replace("name: tight", "name: wide"))
    ),
    "Cilium that leaves pods' sockets alone": add(CILIUM % 'bpf-lb-sock: "true", bpf-lb-sock-hostns-only: "true"'),
    "a quota with room": add(QUOTA % ("requests.cpu: '2'", "requests.cpu: 1300m")),
    "a quota for finished pods": both(
        add(QUOTA % ("requests.cpu: '1'", "requests.cpu: '1'")),
        put("ResourceQuota", "team", "spec.scopes", ["Terminating"]),
    ),
    "an object that Flux leaves alone": put(
        "Namespace",
        "shop",
        "metadata",
        {
            "labels": {"kubernetes.io/metadata.name": "shop", "kustomize.toolkit.fluxcd.io/name": "apps"},
            "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
        },
    ),
    "a release that is over": add("{kind: Canary, metadata: {name: api, namespace: shop}, status: {phase: Succeeded}}"),
    "a trust domain with an alias": both(
        add(
            "{kind: AuthorizationPolicy, metadata: {name: a, namespace: shop, annotations: {istio.io/dry-run: 'true'}},"
            " spec: {rules: [{from: [{source: {principals: [corp/ns/front/sa/web, '*/ns/front/sa/web']}}]}]}}"
        ),
        replace(
            "ConfigMap", "istio", "trustDomain: cluster.local", "trustDomain: cluster.local\ntrustDomainAliases: [corp]"
        ),
    ),
    "a root that outlives the plan": put(
        "MutatingWebhookConfiguration", "istio-sidecar-injector", "webhooks[0].clientConfig.caBundle", "bm90aGluZw=="
    ),
    "an enrolled caller": seen_calling("front"),
}

# Where another row has something to say.
FINE_FOR = {
    "a Job without a proxy": (
        "JOB-01",
        both(
            held_without_native,
            add(MIGRATE),
            put("Job", "migrate", "spec.template.metadata", {"labels": {"sidecar.istio.io/inject": "false"}}),
        ),
    ),
    "an init container as the proxy's user": (
        "INIT-01",
        both(
            held_without_native,
            api("spec.template.spec.initContainers", [{"name": "wait", "securityContext": {"runAsUser": 1337}}]),
        ),
    ),
    "a scrape with the mesh's certificates": ("PROM-01", add(MONITOR % ("ServiceMonitor", WITH_CERTIFICATE))),
}


@pytest.mark.parametrize("make", FINE.values(), ids=FINE.keys())
def test_nothing_is_found_where_something_else_settles_it(make: Callable[[World], None]) -> None:
    world = well()

    make(world)

    assert verdict(world.gathered()).findings == ()


@pytest.mark.parametrize(("row", "make"), FINE_FOR.values(), ids=FINE_FOR.keys())
def test_a_row_says_nothing_where_another_one_does(row: str, make: Callable[[World], None]) -> None:
    world = well()

    make(world)

    assert row not in {one.check for one in verdict(world.gathered()).findings} != set()
