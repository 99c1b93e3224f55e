"""How do the mesh commands end, in which formats do they speak, and what becomes of an order?"""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from rollout.cli.mesh import MESH
from rollout.cli.mesh_preflight import ending
from rollout.migration.preflight.catalogue import Verdict
from rollout.model.migration import Finding, Severity
from tests.support.cli import typed
from tests.support.fleet_world import NAME, a_fleet, migration
from tests.support.mesh_terminal import a_mesh_terminal
from tests.support.metrics_server import metrics_server

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face

HOUR = timedelta(hours=1)


def a_verdict(**findings: Severity) -> Verdict:
    found = {
        severity: tuple(
            Finding(check=check, severity=severity, object="Namespace shop", why="", fix="")
            for check, one in findings.items()
            if one is severity
        )
        for severity in Severity
    }
    return Verdict(
        findings=tuple(one for these in found.values() for one in these),
        blocking=found[Severity.BLOCK],
        waiting=found[Severity.WARN],
        acknowledged=(),
        informing=found[Severity.INFO],
        unknown=(),
    )


@pytest.mark.parametrize("name", MESH)
async def test_every_command_explains_itself(tmp_path: Path, name: str) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh(name, "--help")

    assert (shown.code, shown.out.startswith(f"Usage: main mesh {name}")) == (0, True)


async def test_the_help_of_the_group_imports_nothing_that_takes_long() -> None:
    words = "main(['mesh', '--help'], standalone_mode=False); print(*sys.modules)"
    process = await typed("-c", f"import sys; from rollout.cli.main import main; {words}")
    out, _ = await process.communicate()

    loaded = set(out.decode().splitlines()[-1].split())
    assert "rollout.cli.mesh" in loaded
    assert loaded.isdisjoint({"kubernetes", "pydantic", "aiohttp", "rich", "yaml", "rollout.cli.mesh_orders"})


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ({}, 0),
        ({"A": Severity.INFO}, 0),
        ({"A": Severity.WARN}, 5),
        ({"A": Severity.BLOCK}, 1),
        ({"A": Severity.WARN, "B": Severity.BLOCK}, 1),
    ],
)
def test_preflight_ends_by_the_worst_finding(findings: dict[str, Severity], code: int) -> None:
    assert ending({"shop": a_verdict(**findings)}) == code


async def test_preflight_without_metrics_says_what_could_not_be_read(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh("preflight", "shop", "-o", "json")

    (shop,) = json.loads(shown.out)["namespaces"]
    assert (shown.code, shop["namespace"], shop["clear"]) == (1, "shop", False)
    assert {"PROM-02", "CALLER-01"} <= {one["check"] for one in shop["findings"] if one["couldNotLook"]}


async def test_preflight_and_plan_read_a_migration_that_is_not_in_the_cluster_yet(tmp_path: Path) -> None:
    file = tmp_path / "next.yaml"
    file.write_text(yaml.safe_dump(migration(waves=[{"name": "all", "namespaces": ["pay"]}])))
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        checks = await terminal.mesh("preflight", "-f", str(file))
        plan = await terminal.mesh("plan", "-f", str(file), "-o", "json")

    assert checks.out.startswith("pay  1 block")
    assert [wave["name"] for wave in json.loads(plan.out)["waves"]] == ["all"]


async def test_a_dry_run_prints_the_writes_and_nothing_is_written(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        before = world.cluster.store.revision
        shown = await terminal.mesh("plan", "--dry-run")
        after = world.cluster.store.revision
        await world.pass_time(HOUR, until="tools Done")
        wrote = [str(write) for moved in world.moved for write in moved.wrote if write.namespace == "tools"]

    assert (shown.code, before) == (0, after)
    assert [line for line in shown.out.splitlines() if " tools" in line or "/ci" in line] == wrote


async def test_plan_asks_the_prometheus_that_it_is_told_who_calls_whom(tmp_path: Path) -> None:
    async with metrics_server() as server, a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        labels = {"source_workload_namespace": "shop", "destination_workload_namespace": "pay"}
        call = {"metric": labels, "value": [0, "3"]}
        server.answer = {"status": "success", "data": {"resultType": "vector", "result": [call]}}
        shown = await terminal.mesh("plan", "-o", "json", "--prometheus-url", server.url)

    plan = json.loads(shown.out)
    assert (plan["callersUnknown"], plan["unblock"]) == ("", [{"namespace": "shop", "unlocks": ["pay"]}])
    assert all("istio_requests_total" in heard.query for heard in server.heard)


async def test_a_prometheus_that_is_no_url_is_a_usage_error(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh("plan", "--prometheus-url", "prometheus:9090")

    assert (shown.code, "write http://HOST:PORT" in shown.err) == (2, True)


async def test_plan_writes_one_manifest_for_each_stage_and_namespace(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh("plan", "--write", str(tmp_path / "git"))

    files = sorted(str(file.relative_to(tmp_path / "git")) for file in (tmp_path / "git").rglob("*.yaml"))
    assert files == [f"{stage}/{name}.yaml" for stage in ("permissive", "strict") for name in ("pay", "shop", "tools")]
    assert shown.out.count("wrote ") == 6
    space, policy = yaml.safe_load_all((tmp_path / "git/strict/shop.yaml").read_text())
    assert space["metadata"] == {"name": "shop", "labels": {"istio-injection": "enabled"}}
    assert (policy["metadata"], policy["spec"]) == (
        {"name": "default", "namespace": "shop"},
        {"mtls": {"mode": "STRICT"}},
    )


async def test_a_directory_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()
    (tmp_path / "git" / "permissive").write_text("no folder")
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh("plan", "--write", str(tmp_path / "git"))

    assert (shown.code, "permissive" in shown.err) == (2, True)


async def test_status_speaks_all_formats(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.tick()
        plain, wide, name, obj = [
            await terminal.mesh("status", *words) for words in ((), ("-o", "wide"), ("-o", "name"), ("-o", "yaml"))
        ]

    assert plain.out.splitlines()[3].split() == ["WAVE", "NAMESPACE", "STAGE", "SINCE", "HOLD"]
    assert "FALLBACKS" in wide.out
    assert name.out == "meshmigration.rollout.dev/to-strict\n"
    assert yaml.safe_load(obj.out)["kind"] == "MeshMigration"


async def test_why_speaks_json(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.pass_time(HOUR, until="shop Observing")
        await world.pass_time(timedelta(seconds=40))  # its own marked request is seen by then
        shown = await terminal.mesh("why", "shop", "-o", "json")

    found = json.loads(shown.out)
    assert (shown.code, found["kind"], found["stage"], found["wave"]) == (0, "MeshWhy", "Observing", "core")
    assert [gate["code"] for gate in found["gates"]] == ["Soaking"]


@pytest.mark.parametrize("words", [("why", "nowhere"), ("evidence", "nowhere"), ("fallback", "nowhere")])
async def test_a_namespace_that_no_wave_names_is_exit_code_6(tmp_path: Path, words: tuple[str, ...]) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh(*words)

    assert (shown.code, "to-strict has no namespace nowhere; it has tools, shop, pay" in shown.err) == (6, True)


@pytest.mark.parametrize("command", ["preflight", "plan", "status"])
async def test_no_migration_at_all_is_exit_code_6(tmp_path: Path, command: str) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.api.delete(f"/apis/rollout.dev/v1alpha1/meshmigrations/{NAME}")
        shown = await terminal.mesh(command)

    assert (shown.code, "there is no MeshMigration" in shown.err) == (6, True)


async def test_of_several_migrations_one_must_be_named(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.put({**migration(), "metadata": {"name": "later"}})
        unclear = await terminal.mesh("status")
        named = await terminal.mesh("status", "--migration", "later", "-o", "name")

    assert (unclear.code, "later, to-strict" in unclear.err, "--migration" in unclear.err) == (2, True, True)
    assert named.out == "meshmigration.rollout.dev/later\n"


@pytest.mark.parametrize("command", [("preflight",), ("plan",), ("status",), ("why", "shop"), ("evidence", "shop")])
async def test_no_right_to_read_is_exit_code_4(tmp_path: Path, command: tuple[str, ...]) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        world.cluster.allows = lambda _: False
        shown = await terminal.mesh(*command)

    assert (shown.code, "cannot list" in shown.err) == (4, True)


async def test_a_cluster_that_does_not_answer_is_exit_code_20(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        pass
    shown = await terminal.mesh("status")

    assert shown.code == 20
