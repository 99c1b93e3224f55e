"""Which stories are lived through on a real API server while the controller dies over them, and how does each end?"""

from tests.servers.lives import Act, Stage, Status, Story, When
from tests.servers.scenery import GATED, SLOW, STEPS, serving


def is_idle(revision: str) -> When:
    """This revision serves, and no run is in hand."""
    return lambda status: (status.get("phase"), status.get("stableRevision")) == ("Idle", revision)


def has_weight(status: Status) -> bool:
    """The canary has some of the traffic."""
    return status.get("phase") == "Progressing" and status.get("weight", 0) >= 10


def waits_for_approval(status: Status) -> bool:
    """The gate of the present step is all that is missing."""
    return any(reason.get("code") == "AwaitingApproval" for reason in status.get("reasons", ()))


def is_soaking(status: Status) -> bool:
    """The weight is in force, and its time has begun."""
    return has_weight(status) and any(reason["code"] == "Soaking" for reason in status.get("reasons", ()))


def is_paused(status: Status) -> bool:
    """Somebody lowered the weight, or said pause."""
    return status.get("phase") == "Paused"


def is_seen(status: Status) -> bool:
    """The controller has looked at it."""
    return "phase" in status


def gives(weight: int) -> Act:
    """Somebody writes this weight of v2 into the route."""

    def act(stage: Stage, name: str) -> None:
        route = [
            {"destination": {"host": "checkout-v1"}, "weight": 100 - weight},
            {"destination": {"host": "checkout-v2"}, "weight": weight},
        ]
        stage.kube.patch(stage.path("virtualservices", name), {"spec": {"http": [{"route": route}]}})

    return act


def deployed(stage: Stage, name: str) -> None:
    """v1 is there for the first time."""
    stage.kube.apply(*serving(stage.namespace, f"{name}-v1", "v1"))


def wants(revision: str, **spec: object) -> Act:
    """Git names this revision."""

    def act(stage: Stage, name: str) -> None:
        stage.kube.patch(stage.path("rollouts", name), {"spec": {"revision": revision, **spec}})

    return act


def fails(stage: Stage, name: str) -> None:
    """The canary begins to fail."""
    stage.bad.add(name)


def deleted(stage: Stage, name: str) -> None:
    """The Rollout is deleted."""
    stage.kube.delete(stage.path("rollouts", name))


def says(verb: str) -> Act:
    """A person gives a command for the present run, step and revision."""

    def act(stage: Stage, name: str) -> None:
        status = stage.kube.get(stage.path("rollouts", name))["status"]
        made_for = {"run": status["run"], "step": status["step"], "revision": status["canaryRevision"]}
        spec = {"target": {"kind": "Rollout", "name": name}, "verb": verb, "channel": "cli"}
        stage.kube.create(
            {
                "apiVersion": "rollout.dev/v1alpha1",
                "kind": "RolloutCommand",
                "metadata": {"name": f"{name}-{verb}", "namespace": stage.namespace},
                "spec": {**spec, "actor": {"user": "admin", "groups": ["system:masters"]}, **made_for},
            }
        )

    return act


V1, RELEASE = is_idle("v1"), wants("v2")
SLOWLY = wants("v2", steps=SLOW)  # where something is to happen in mid-run, however late it is seen

PLAYS = {
    "promoted": Story(acts=((V1, RELEASE),), ends="Idle v2 Promoted"),
    "failed": Story(acts=((V1, SLOWLY), (has_weight, fails)), ends="Failed v1 Failed"),
    "aborted": Story(acts=((V1, SLOWLY), (has_weight, says("abort"))), ends="Failed v1 Aborted"),
    "approved": Story(
        acts=((V1, wants("v2", steps=GATED)), (waits_for_approval, says("approve"))), ends="Idle v2 Promoted"
    ),
    "superseded": Story(
        acts=((V1, SLOWLY), (has_weight, wants("v3", steps=STEPS))), ends="Idle v3 Promoted Superseded"
    ),
    "reverted": Story(acts=((V1, RELEASE), (is_idle("v2"), wants("v1"))), ends="Idle v1 Promoted Promoted"),
    "deleted": Story(acts=((V1, SLOWLY), (has_weight, deleted)), ends=""),
    "lowered": Story(acts=((V1, SLOWLY), (is_soaking, gives(2)), (is_paused, says("abort"))), ends="Failed v1 Aborted"),
    "first": Story(acts=((is_seen, deployed),), ends="Idle v1 Promoted", is_new=True),
    "both": Story(acts=((V1, RELEASE),), ends="Idle v2 Promoted", outer=True),
    "bothfailed": Story(acts=((V1, SLOWLY), (has_weight, fails)), ends="Failed v1 Failed", outer=True),
    "bothaborted": Story(acts=((V1, SLOWLY), (has_weight, says("abort"))), ends="Failed v1 Aborted", outer=True),
    "subset": Story(acts=((V1, RELEASE),), ends="Idle v2 Promoted", subsets=True),
    "subsetfailed": Story(acts=((V1, SLOWLY), (has_weight, fails)), ends="Failed v1 Failed", subsets=True),
    "subsetdeleted": Story(acts=((V1, SLOWLY), (has_weight, deleted)), ends="", subsets=True),
}
