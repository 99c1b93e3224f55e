"""Who may give which command, and in whose name, once `rollout install` has brought the admission policy?"""

from collections.abc import Iterator
from typing import Any

import pytest

from rollout.crds import definitions
from rollout.services.actors import BINDING, POLICY, unbound
from rollout.wiring.shipped import NAMESPACE, actor_policy
from tests.servers.actors import COMMANDS, a_command, account, is_refused, refusal
from tests.servers.apiserver import ApiServer
from tests.servers.client import Kube, path_of
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.test_install import run

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("actors")]

RBAC = "rbac.authorization.k8s.io"
EDITS = ("promote", "promote-full", "reject", "abort", "pause", "resume", "retry", "name-stable", "confirm")
OPENS = ("approve", "reject")
MOVES = ("approve", "reject", "pause", "resume", "abort", "retry", "acknowledge", "promote", "fallback", "rollback")


def targets() -> list[str]:
    """The kinds that a command may be for."""
    (crd,) = [crd for crd in definitions().values() if crd["spec"]["names"]["kind"] == "RolloutCommand"]
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return list(schema["properties"]["spec"]["properties"]["target"]["properties"]["kind"]["enum"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """`rollout install` ran; ana may edit in `default`, ben may approve there, and the policy is in force."""
    server = ApiServer(tmp_path_factory.mktemp("actors"))
    try:
        obtained(server.start)
        run(server, "install")
        server.client().apply(bound("User", "ana", "rollout-edit"), bound("User", "ben", "rollout-approve"))
        server.client().apply(everywhere("mia", "rollout-mesh-operator"), bound("User", "ana", "rollout-mesh-operator"))
        nobody = a_command("nobody")
        assert eventually(lambda: is_refused(server, "admin", nobody), 60.0), "the policy never came into force"
        assert eventually(lambda: not is_refused(server, "ana", a_command("ana")), 60.0), "ana has no rights"
        yield server
    finally:
        server.stop()


def bound(kind: str, name: str, role: str, namespace: str = "") -> dict[str, Any]:
    """Somebody has a ClusterRole in `default`."""
    subject = {"kind": kind, "name": name} | ({"namespace": namespace} if namespace else {"apiGroup": RBAC})
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{name}-{namespace or 'user'}-{role}", "namespace": "default"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def everywhere(name: str, role: str) -> dict[str, Any]:
    """Somebody has a ClusterRole in the whole cluster."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{name}-{role}"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": name, "apiGroup": RBAC}],
    }


@pytest.mark.parametrize("verb", [*EDITS, "approve"])
def test_whoever_may_edit_may_steer_but_not_approve(server: ApiServer, verb: str) -> None:
    assert is_refused(server, "ana", a_command("ana", verb=verb)) is (verb == "approve")


@pytest.mark.parametrize("verb", ["approve", *EDITS])
def test_whoever_may_approve_may_open_or_refuse_a_gate_and_no_more(server: ApiServer, verb: str) -> None:
    assert is_refused(server, "ben", a_command("ben", verb=verb)) is (verb not in OPENS)


@pytest.mark.parametrize("kind", [kind for kind in targets() if kind != "MeshMigration"])
def test_the_right_is_asked_for_the_kind_that_the_command_is_for(server: ApiServer, kind: str) -> None:
    ben = server.client("ben")

    assert not is_refused(server, "ana", a_command("ana", verb="confirm", kind=kind))
    assert f"no right to confirm {kind.lower()}s" in refusal(ben, a_command("ben", verb="confirm", kind=kind))


@pytest.mark.parametrize("verb", [*MOVES, "promote-full", "confirm"])
def test_whoever_runs_the_mesh_may_steer_a_move_and_nothing_else(server: ApiServer, verb: str) -> None:
    assert eventually(lambda: not is_refused(server, "mia", a_command("mia", verb="pause", kind="MeshMigration")), 30.0)

    assert is_refused(server, "mia", a_command("mia", verb=verb, kind="MeshMigration")) is (verb not in MOVES)
    assert is_refused(server, "mia", a_command("mia", verb=verb))


@pytest.mark.parametrize("who", ["ana", "ben"])
def test_a_right_in_a_namespace_is_no_right_to_a_move(server: ApiServer, who: str) -> None:
    words = refusal(server.client(who), a_command(who, verb="reject", kind="MeshMigration"))

    assert f"{who} has no right to reject meshmigrations.rollout.dev in the cluster" in words
    assert "by the verb reject in a ClusterRole" in words


def test_the_refusal_says_which_right_is_missing_and_who_gives_it(server: ApiServer) -> None:
    words = refusal(server.client("ana"), a_command("ana", verb="approve"))

    assert "ana has no right to approve rollouts.rollout.dev in default" in words
    assert "docs/install.md" in words


def test_a_right_on_one_rollout_is_no_right_on_another(server: ApiServer) -> None:
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "cart-only"}}
    rules = [
        {"apiGroups": ["rollout.dev"], "resources": ["rollouts"], "resourceNames": ["cart"], "verbs": ["retry"]},
    ]
    server.client().apply({**role, "rules": rules}, bound("User", "ben", "cart-only"))
    cart = a_command("ben", verb="retry")
    cart["spec"]["target"]["name"] = "cart"

    assert eventually(lambda: not is_refused(server, "ben", cart), 30.0)
    assert is_refused(server, "ben", a_command("ben", verb="retry"))


def test_a_command_in_ones_own_name_and_groups_is_let_in(server: ApiServer) -> None:
    assert not is_refused(server, "ana", a_command("ana", "system:authenticated"))


def test_a_command_in_the_name_of_another_is_refused(server: ApiServer) -> None:
    assert "name yourself" in refusal(server.client("ana"), a_command("ben"))


@pytest.mark.parametrize("field", ["realm", "email", "vouched", "proven"])
def test_what_only_the_controller_may_say_of_an_actor_is_refused_from_others(server: ApiServer, field: str) -> None:
    command = a_command("ana")
    command["spec"]["actor"][field] = "slack"

    assert "which only the controller may say" in refusal(server.client("ana"), command)


def test_a_command_with_a_group_that_one_is_not_in_is_refused(server: ApiServer) -> None:
    assert "release-managers" not in refusal(server.client("ana"), a_command("ana"))
    assert "a group that the requesting user is not in" in refusal(
        server.client("ana"), a_command("ana", "release-managers")
    )


def test_even_an_administrator_speaks_only_for_himself(server: ApiServer) -> None:
    assert is_refused(server, "admin", a_command("ana"))
    assert is_refused(server, "admin", a_command("ana", channel="slack"))
    assert not is_refused(server, "admin", a_command("admin", verb="approve"))


def test_nobody_but_the_controller_comes_by_another_channel(server: ApiServer) -> None:
    for user in ("ana", "admin"):
        assert "only the service account rollout-controller may vouch" in refusal(
            server.client(user), a_command(user, channel="slack")
        )


@pytest.fixture(scope="module")
def vouchers(server: ApiServer) -> dict[str, Kube]:
    """Service accounts that may create commands; the first two may vouch, too."""
    kube = server.client()
    for namespace, name in (("default", "robot"), ("default", "rollout-controller")):
        kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
    for role, verbs in (("creates", ["create"]), ("vouches", ["create", "vouch"])):
        rules = [{"apiGroups": ["rollout.dev"], "resources": ["rolloutcommands"], "verbs": verbs}]
        kube.apply({"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules})
    kube.apply(
        bound("ServiceAccount", "rollout-controller", "vouches", NAMESPACE),
        bound("ServiceAccount", "robot", "vouches", "default"),
        bound("ServiceAccount", "rollout-controller", "creates", "default"),
    )
    return {
        "controller": account(server, NAMESPACE, "rollout-controller"),
        "robot": account(server, "default", "robot"),
        "namesake": account(server, "default", "rollout-controller"),
    }


def test_the_controller_vouches_for_somebody_of_another_channel(vouchers: dict[str, Kube]) -> None:
    by_slack = a_command("ben@example.test", "release-managers", verb="approve", channel="slack")

    assert eventually(lambda: refusal(vouchers["controller"], by_slack) == "", 30.0)


def test_it_speaks_for_nobody_by_the_channel_of_the_command_line(vouchers: dict[str, Kube]) -> None:
    assert "name yourself" in refusal(vouchers["controller"], a_command("ben", verb="approve"))


@pytest.mark.parametrize("who", ["robot", "namesake"])
def test_an_account_with_only_the_right_or_only_the_name_vouches_for_nobody(
    vouchers: dict[str, Kube], who: str
) -> None:
    command = a_command("ben", verb="approve", channel="slack")

    assert eventually(lambda: "may vouch" in refusal(vouchers[who], command), 30.0)


def test_the_live_objects_are_those_that_the_controller_wants_to_see(server: ApiServer) -> None:
    live = {obj["kind"]: server.client().get(path_of(obj)) for obj in actor_policy()}

    assert unbound(actor_policy(), live[POLICY], live[BINDING]) == ""


def test_nothing_of_this_was_stored(server: ApiServer) -> None:
    assert server.client().items(COMMANDS) == []
