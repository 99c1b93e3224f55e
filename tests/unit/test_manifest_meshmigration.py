"""Which moves does a MeshMigration mean, and what is said about fleets that make no sense as a whole?"""

from datetime import date, timedelta
from typing import Any

import pytest

from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_mesh_migration
from rollout.model.mesh import Mtls
from rollout.model.migration import Exemption, Limits, MigrationSpec, Wave

WAVES = [{"name": "all", "namespaces": ["shop"]}]


def an_object(**spec: Any) -> dict[str, Any]:
    body = {"mesh": {"kind": "istio-sidecar"}, "waves": WAVES, **spec}
    annotations = {"rollout.dev/source": "mesh/fleet.yaml:1"}
    return {"metadata": {"name": "fleet", "annotations": annotations}, "spec": body}


def test_it_has_defaults_for_all_but_mesh_and_waves_and_they_are_the_models() -> None:
    spec = parse_mesh_migration(an_object())

    assert spec == MigrationSpec(name="fleet", waves=(Wave(name="all", namespaces=("shop",)),))


def test_it_is_read_in_full() -> None:
    exception = {
        "namespace": "pay",
        "workload": {"app": "legacy"},
        "port": 8443,
        "mode": "DISABLE",
        "owner": "team-pay",
        "expires": "2027-03-01",
    }

    spec = parse_mesh_migration(
        an_object(
            mesh={"kind": "istio-sidecar", "revision": "1-22", "root": "mesh", "drain": "10s"},
            waves=[{"name": "a", "namespaces": ["shop", "pay"], "concurrency": 2, "approval": "ops"}],
            soak="2h",
            strictSoak="3h",
            baseline="4h",
            verify="5m",
            interval="6s",
            triggers={"successDrop": "2%", "latencyFactor": 2, "unready": 3, "burn": 6},
            policies=["http", "jobs"],
            exceptions=[exception],
            suspend=True,
            selfTest=False,
        )
    )

    assert spec == MigrationSpec(
        name="fleet",
        revision="1-22",
        root="mesh",
        drain=timedelta(seconds=10),
        waves=(Wave(name="a", namespaces=("shop", "pay"), concurrency=2, approval="ops"),),
        soak=timedelta(hours=2),
        strict_soak=timedelta(hours=3),
        baseline=timedelta(hours=4),
        verify=timedelta(minutes=5),
        interval=timedelta(seconds=6),
        limits=Limits(success_drop=0.02, latency_factor=2, unready=3, burn=6),
        policies=("http", "jobs"),
        exceptions=(
            Exemption(
                namespace="pay",
                workload={"app": "legacy"},
                port=8443,
                mode=Mtls.DISABLE,
                owner="team-pay",
                expires=date(2027, 3, 1),
            ),
        ),
        suspend=True,
        self_test=False,
    )


def test_strict_soaks_as_long_as_permissive_where_nothing_is_said() -> None:
    assert parse_mesh_migration(an_object(soak="7h")).strict_soak == timedelta(hours=7)


def test_an_exception_without_workload_is_of_the_whole_namespace() -> None:
    entry = {"namespace": "shop", "owner": "ana", "expires": "2027-03-01"}

    (exception,) = parse_mesh_migration(an_object(exceptions=[entry])).exceptions

    assert (exception.is_whole_namespace, exception.mode) == (True, Mtls.PERMISSIVE)


def test_all_that_is_wrong_is_said_at_once_with_the_file() -> None:
    with pytest.raises(SpecErrors) as caught:
        parse_mesh_migration(an_object(verify="1s", target="authorized"))

    assert [(error.about, error.path, error.file) for error in caught.value.errors] == [
        ("fleet", f"spec.{field}", "mesh/fleet.yaml:1") for field in ("target", "verify")
    ]


def of_two_waves(namespaces: int) -> dict[str, Any]:
    names = [f"n{number}" for number in range(namespaces)]
    return an_object(waves=[{"name": "a", "namespaces": names[:500]}, {"name": "b", "namespaces": names[500:]}])


def test_a_fleet_may_have_a_thousand_namespaces() -> None:
    assert len(parse_mesh_migration(of_two_waves(1000)).namespaces) == 1000


def test_more_than_a_thousand_in_all_its_waves_are_too_many() -> None:
    with pytest.raises(SpecErrors, match="1001 namespaces, at most 1000 are moved by one MeshMigration; split it"):
        parse_mesh_migration(of_two_waves(1001))
