"""Which kinds does our API group have, and who reads each of them?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from rollout.manifest.approvalpolicy import ApprovalPolicyForm, approval_policy, approval_policy_problems
from rollout.manifest.cross import rollout_problems
from rollout.manifest.data import Json
from rollout.manifest.errors import Problem
from rollout.manifest.fields import Form
from rollout.manifest.freezewindow import FreezeWindowForm, freeze_window, freeze_window_problems
from rollout.manifest.gitsource import GitSourceForm, git_source
from rollout.manifest.meshmigration import MeshMigrationForm, migration_problems, migration_spec
from rollout.manifest.notifier import NotifierForm, notifier, notifier_problems
from rollout.manifest.problems import problems_of
from rollout.manifest.receiver import ReceiverForm, receiver, receiver_problems
from rollout.manifest.rollout import RolloutForm, rollout_spec
from rollout.manifest.rolloutcommand import RolloutCommandForm
from rollout.manifest.slopolicy import SloPolicy, SloPolicyForm, slo_policy, slo_policy_problems
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import FreezeWindow
from rollout.model.migration import MigrationSpec
from rollout.model.names import Key
from rollout.model.notifier import Notifier
from rollout.model.receiver import Receiver
from rollout.model.rollout import RolloutSpec
from rollout.model.source import GitSource

Spec = RolloutSpec | GitSource | SloPolicy | MigrationSpec | ApprovalPolicy | FreezeWindow | Receiver | Notifier
FormT = TypeVar("FormT", bound=Form)
SpecT = TypeVar(
    "SpecT", RolloutSpec, GitSource, SloPolicy, MigrationSpec, ApprovalPolicy, FreezeWindow, Receiver, Notifier
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of ours. read: a `spec` as written to the model, or all that is wrong; None where git may not hold it.

    namespaced: False for a kind of the whole cluster.
    """

    name: str
    plural: str
    form: type[Form]
    read: Callable[[Json, Key, str], Spec | list[Problem]] | None = None
    namespaced: bool = True


def read_rollout(body: Json, key: Key, source: str) -> RolloutSpec | list[Problem]:
    """A Rollout's `spec`, or everything that is wrong with it. source: file:line, "" unknown."""
    return _read(
        body, RolloutForm, lambda form: rollout_problems(form, key), lambda form: rollout_spec(form, key, source)
    )


def read_git_source(body: Json, key: Key, _source: str = "") -> GitSource | list[Problem]:
    """A GitSource's `spec`, or everything that is wrong with it."""
    return _read(body, GitSourceForm, lambda _: (), lambda form: git_source(form, key))


def read_slo_policy(body: Json, key: Key, _source: str = "") -> SloPolicy | list[Problem]:
    """A SloPolicy's `spec`, or everything that is wrong with it."""
    return _read(body, SloPolicyForm, slo_policy_problems, lambda form: slo_policy(form, key))


def read_mesh_migration(body: Json, key: Key, _source: str = "") -> MigrationSpec | list[Problem]:
    """A MeshMigration's `spec`, or everything that is wrong with it."""
    return _read(body, MeshMigrationForm, migration_problems, lambda form: migration_spec(form, key))


def read_approval_policy(body: Json, key: Key, _source: str = "") -> ApprovalPolicy | list[Problem]:
    """An ApprovalPolicy's `spec`, or everything that is wrong with it."""
    return _read(body, ApprovalPolicyForm, approval_policy_problems, lambda form: approval_policy(form, key))


def read_freeze_window(body: Json, key: Key, _source: str = "") -> FreezeWindow | list[Problem]:
    """A FreezeWindow's `spec`, or everything that is wrong with it."""
    return _read(body, FreezeWindowForm, freeze_window_problems, lambda form: freeze_window(form, key))


def read_receiver(body: Json, key: Key, _source: str = "") -> Receiver | list[Problem]:
    """A Receiver's `spec`, or everything that is wrong with it."""
    return _read(body, ReceiverForm, receiver_problems, lambda form: receiver(form, key))


def read_notifier(body: Json, key: Key, _source: str = "") -> Notifier | list[Problem]:
    """A Notifier's `spec`, or everything that is wrong with it."""
    return _read(body, NotifierForm, notifier_problems, lambda form: notifier(form, key))


def _read(
    body: Json,
    form_type: type[FormT],
    problems: Callable[[FormT], Iterable[Problem]],
    build: Callable[[FormT], SpecT],
) -> SpecT | list[Problem]:
    try:
        form = form_type.model_validate(body)
    except ValidationError as error:
        return problems_of(error, form_type, ("spec",))
    return list(problems(form)) or build(form)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="Rollout", plural="rollouts", form=RolloutForm, read=read_rollout),
        Kind(name="GitSource", plural="gitsources", form=GitSourceForm, read=read_git_source),
        Kind(name="SloPolicy", plural="slopolicies", form=SloPolicyForm, read=read_slo_policy),
        Kind(
            name="MeshMigration",
            plural="meshmigrations",
            form=MeshMigrationForm,
            read=read_mesh_migration,
            namespaced=False,
        ),
        Kind(name="ApprovalPolicy", plural="approvalpolicies", form=ApprovalPolicyForm, read=read_approval_policy),
        Kind(name="FreezeWindow", plural="freezewindows", form=FreezeWindowForm, read=read_freeze_window),
        Kind(name="Receiver", plural="receivers", form=ReceiverForm, read=read_receiver),
        Kind(name="Notifier", plural="notifiers", form=NotifierForm, read=read_notifier),
        Kind(name="RolloutCommand", plural="rolloutcommands", form=RolloutCommandForm),
    )
}
