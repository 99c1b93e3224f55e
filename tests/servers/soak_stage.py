"""What is there before a soak begins: a crowd that git brought, two replicas behind proxies, metrics, people and faults?"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import yaml

from tests.bench.answering import AnsweringPrometheus
from tests.bench.scene import GROUP
from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj, path_of
from tests.servers.controller import Controller
from tests.servers.githttp import GitHttp
from tests.servers.meddler import Meddler
from tests.servers.process import eventually
from tests.servers.soak import HOME, USERS, Soak, leading
from tests.servers.soak_acts import People
from tests.servers.soak_crowd import Participant, furnish, participants
from tests.servers.soak_facts import Sight
from tests.servers.soak_faults import Faults, Replica, Victims
from tests.servers.soak_git import REQUESTED_AT, Specs, freeze, source
from tests.servers.soak_plan import Plan
from tests.servers.soak_rules import Truth
from tests.servers.trouble import meddled
from tests.support.servers import OUR_CRDS

POLICY = Path(__file__).parents[2] / "deploy" / "base" / "actor-policy.yaml"
PATIENCE_S = 120.0


@contextmanager
def soaking(directory: Path, plan: Plan) -> Iterator[Soak]:
    """A whole soak that is ready to begin: everybody is Idle at v1. Raises ServerMissingError where there is no API server."""
    with ExitStack() as closing:
        server, crowd = ApiServer(directory), participants(plan.seed, plan.rollouts)
        closing.callback(server.stop)
        server.start()
        _furnish_home(server)
        furnish(server, crowd)
        prometheus, git = AnsweringPrometheus(scrape_s=1), GitHttp(directory)
        for one in (prometheus, git):
            one.start()
            closing.callback(one.stop)
        metrics, truth = Meddler(prometheus.url), Truth()
        closing.callback(metrics.stop)
        specs = _specs(server, git, plan)
        specs.begin(crowd, _freezes(plan, crowd, truth))
        server.client().apply(source(specs.repository.url, HOME))
        since = server.audit_mark()
        replicas = tuple(_replica(server, directory, user, metrics.url) for user in USERS)
        for replica in replicas:
            closing.callback(_ended, replica)
            replica.controller.launch()
        for replica in replicas:
            replica.controller.wait_ready()
        _wait_until_idle(server, len(crowd))
        sight = Sight(server=server)
        sight.open()
        closing.callback(sight.close)
        victims = Victims(leader=lambda: leading(server, replicas), replicas=replicas, prometheus=metrics, git=git)
        rng = Random(f"{plan.seed} people")
        people = People(
            kube=server.client(), sight=sight, specs=specs, prometheus=prometheus, truth=truth, rng=rng, plan=plan
        )
        yield Soak(server=server, victims=victims, people=people, faults=_faults(victims, plan), since=since)


def _specs(server: ApiServer, git: GitHttp, plan: Plan) -> Specs:
    def look_now(commit: str) -> None:
        server.client().patch(path_of(source("", HOME)), {"metadata": {"annotations": {REQUESTED_AT: commit}}})

    rng = Random(f"{plan.seed} specs")
    return Specs(repository=git.repository("specs"), look_now=look_now, rng=rng, plan=plan)


def _faults(victims: Victims, plan: Plan) -> Faults:
    return Faults(victims=victims, rng=Random(f"{plan.seed} faults"), plan=plan, calm_since=time.monotonic())


def _furnish_home(server: ApiServer) -> None:
    subjects = [{"kind": "User", "name": user, "apiGroup": GROUP} for user in USERS]
    server.install_crds(["istio"])
    server.install_files(sorted(OUR_CRDS.glob("*.yaml")))
    server.client().apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}},
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "replicas"},
            "subjects": subjects,
            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": GROUP},
        },
        *yaml.safe_load_all(POLICY.read_text()),
    )


def _freezes(plan: Plan, crowd: Sequence[Participant], truth: Truth) -> list[Obj]:
    """One for every fifth namespace, at some time of the soak."""
    rng, now = Random(f"{plan.seed} freezes"), datetime.now(UTC).replace(microsecond=0)
    for namespace in sorted({one.member.namespace for one in crowd})[::5]:
        since = now + timedelta(seconds=30 + round(rng.uniform(0, plan.seconds)))
        truth.frozen[namespace] = (since, since + timedelta(seconds=20))
    return [freeze(namespace, *span) for namespace, span in truth.frozen.items()]


def _replica(server: ApiServer, directory: Path, user: str, prometheus: str) -> Replica:
    place = directory / user
    place.mkdir()
    api = meddled(server, HOME, place / "kubeconfig", user)
    settings = {
        "own_namespace": HOME,
        "identity": user,
        "prometheus_url": prometheus,
        "prometheus_mesh": "istio",
        "prometheus_timeout": "PT2S",
        "allow_file_urls": "yes",  # git on loopback counts as a file
    }
    controller = Controller(place, place / "kubeconfig", **settings)
    return Replica(user=user, controller=controller, api=api, argument=f"--kubeconfig={place / 'kubeconfig'}")


def _ended(replica: Replica) -> None:
    replica.controller.thaw()
    replica.controller.kill()
    replica.api.stop()


def _wait_until_idle(server: ApiServer, count: int) -> None:
    def are_idle() -> bool:
        found = server.client().items("/apis/rollout.dev/v1alpha1/rollouts")
        return len([one for one in found if (one.get("status") or {}).get("stableRevision") == "v1"]) == count

    assert eventually(are_idle, PATIENCE_S, 0.5), "not all Rollouts came from git and are Idle at v1"
