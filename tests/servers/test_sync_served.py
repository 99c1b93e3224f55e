"""Does `rollout serve` keep a namespace as git says, on a real API server, without being asked?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.client import Kube
from tests.servers.controller import Controller, rollout
from tests.servers.process import eventually
from tests.support.repos import Repository
from tests.support.signing import SshSigner
from tests.support.sync_world import API_VERSION, policies

pytestmark = pytest.mark.server

PATIENCE_S = 60.0


class Running:
    """`rollout serve` for one namespace, with a repository on this machine; `source` makes its GitSource."""

    def __init__(self, kube: Kube, namespace: str, repository: Repository, controller: Controller) -> None:
        self.kube, self.namespace, self.repository, self.controller = kube, namespace, repository, controller

    def source(self, **spec: Any) -> None:
        body = {"url": self.repository.url, "interval": "1h", **spec}
        meta = {"name": "apps", "namespace": self.namespace}
        self.kube.create({"apiVersion": API_VERSION, "kind": "GitSource", "metadata": meta, "spec": body})

    def path(self, kind: str, name: str) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{kind}/{name}"

    def trust(self, key: str) -> None:
        meta = {"name": "trusted", "namespace": self.namespace}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"ana.sshpub": key}}
        self.kube.create(body)

    def status(self) -> dict[str, Any]:
        return dict(self.kube.get(self.path("gitsources", "apps")).get("status") or {})

    def condition(self, kind: str) -> str:
        conditions = self.status().get("conditions") or ()
        return next((str(item["status"]) for item in conditions if item["type"] == kind), "")

    def limit(self) -> str:
        found = self.kube.get(self.path("slopolicies", "a")) if self.kube.exists(self.path("slopolicies", "a")) else {}
        return str(found["spec"]["objectives"][0]["max"]) if found else ""

    def told(self) -> list[str]:
        events = self.kube.items(f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events")
        return [f"{event['reason']}: {event['note']}" for event in events]

    def comes(self, condition: Callable[[], bool]) -> bool:
        return eventually(condition, PATIENCE_S, 0.1)


@pytest.fixture
def running(kube: Kube, namespace: str, kubeconfig: Path, tmp_path: Path) -> Iterator[Running]:
    repository = Repository(tmp_path / "specs.git")
    repository.commit(policies("a"))
    controller = Controller(tmp_path, kubeconfig, namespace=namespace, own_namespace=namespace, allow_file_urls="yes")
    controller.start()
    try:
        yield Running(kube, namespace, repository, controller)
    finally:
        controller.terminate()
        controller.kill()


def test_the_controller_puts_an_edit_and_a_deletion_back_long_before_the_interval_is_over(running: Running) -> None:
    running.source()
    assert running.comes(lambda: running.limit() == "1%"), running.controller.last_words()
    loose = [{"name": "errors", "kind": "error-ratio", "max": "99%", "method": "threshold"}]

    running.kube.patch(f"{running.path('slopolicies', 'a')}?fieldManager=kubectl-edit", {"spec": {"objectives": loose}})
    healed = running.comes(lambda: running.limit() == "1%")
    running.kube.delete(running.path("slopolicies", "a"))

    assert (healed, running.comes(lambda: running.limit() == "1%")) == (True, True)
    assert running.comes(lambda: any("changed by kubectl-edit" in words for words in running.told()))
    assert running.comes(lambda: any("SloPolicy" in words and "was deleted" in words for words in running.told()))


def test_a_deleted_source_takes_along_what_it_applied(running: Running) -> None:
    running.source(deletionPolicy="Delete")
    assert running.comes(lambda: running.limit() == "1%"), running.controller.last_words()

    running.kube.delete(running.path("gitsources", "apps"))

    assert running.comes(lambda: not running.kube.exists(running.path("gitsources", "apps")))
    assert running.limit() == ""


def test_a_person_is_told_that_nothing_waits(running: Running, kubeconfig: Path) -> None:
    running.source()
    assert running.comes(lambda: running.limit() == "1%"), running.controller.last_words()

    shown = rollout("confirm", "gitsource/apps", kubeconfig=kubeconfig, namespace=running.namespace)

    assert (shown.returncode, "no commit waits" in shown.stderr) == (1, True)


def test_only_what_a_trusted_key_signed_is_taken(running: Running, ana_ssh: SshSigner) -> None:
    running.trust(ana_ssh.public)
    running.source(interval="5s", verify={"secretRef": {"name": "trusted"}})
    refused = running.comes(lambda: running.condition("SourceVerified") == "False")
    taken_unsigned = running.limit()

    signed = running.repository.join([running.repository.head()], settings=ana_ssh.settings)
    taken = running.comes(lambda: running.status().get("commit") == signed)

    assert (refused, taken_unsigned, taken) == (True, "", True), running.controller.last_words()
    assert (running.limit(), running.condition("SourceVerified")) == ("1%", "True")
    assert ana_ssh.fingerprint in running.status()["signer"]


def test_rewritten_history_waits_until_a_person_confirms_it(running: Running, kubeconfig: Path) -> None:
    running.source(interval="5s", onRewrite="hold")
    assert running.comes(lambda: running.limit() == "1%"), running.controller.last_words()

    forced = running.repository.rewrite(policies("a", "b"))
    held = running.comes(lambda: running.condition("HistoryRewritten") == "True")
    before = running.kube.exists(running.path("slopolicies", "b"))
    answered = rollout("confirm", "gitsource/apps", kubeconfig=kubeconfig, namespace=running.namespace)

    assert (held, before, answered.returncode) == (True, False, 0), answered.stderr
    assert running.comes(lambda: running.status().get("commit") == forced)
    assert running.kube.exists(running.path("slopolicies", "b"))


def test_a_commit_that_deletes_everything_waits_until_a_person_confirms_it(running: Running, kubeconfig: Path) -> None:
    running.source(interval="5s")
    assert running.comes(lambda: running.limit() == "1%"), running.controller.last_words()

    empty = running.repository.commit({"README.md": "nothing here"})
    held = running.comes(lambda: running.status().get("waiting") == empty)
    before = running.limit()
    answered = rollout("confirm", "gitsource/apps", kubeconfig=kubeconfig, namespace=running.namespace)

    assert (held, before, answered.returncode) == (True, "1%", 0), answered.stderr
    assert running.comes(lambda: running.limit() == "")
