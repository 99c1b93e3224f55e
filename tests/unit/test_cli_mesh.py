"""How do the mesh commands end, in which formats do they speak, and what becomes of an order?"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.memory.access import Asked
from rollout.cli.mesh import MESH
from rollout.cli.mesh_preflight import ending
from rollout.migration.preflight.catalogue import Verdict
from rollout.model.commands import Verb
from rollout.model.migration import Finding, Severity, Stage
from tests.support.cli import typed
from tests.support.fleet_world import NAME, FleetWorld, a_fleet, migration
from tests.support.mesh_terminal import a_mesh_terminal, a_ticking_controller

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face

HOUR = timedelta(hours=1)
GATED = [{"name": "pilot", "namespaces": ["tools", "shop"], "approval": "security"}]


def only_reads(asked: Asked) -> bool:
    return asked.user.name != "ana" or asked.verb in ("get", "list", "watch")


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
        await world.tick()
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


async def ordered(tmp_path: Path, world: FleetWorld, *words: str) -> tuple[int, str, dict[str, Any]]:
    """How an order ended, and the command that it left."""
    async with a_mesh_terminal(tmp_path, world) as terminal, a_ticking_controller(world):
        shown = await terminal.type(*words, "-o", "json")
    return shown.code, shown.err, json.loads(shown.out)["spec"] if shown.out else {}


async def test_a_wave_is_approved_by_its_name(tmp_path: Path) -> None:
    async with a_fleet(waves=GATED) as world:
        await world.tick()
        code, _, spec = await ordered(tmp_path, world, "approve", f"meshmigration/{NAME}", "--wave", "pilot")
        status = await world.status()

    assert (code, spec["verb"], spec["subject"]) == (0, "approve", "pilot")
    assert [(one.wave, one.by) for one in status.approved] == [("pilot", "ana")]


async def test_an_approval_without_a_wave_is_a_usage_error_that_names_them(tmp_path: Path) -> None:
    async with a_fleet(waves=GATED) as world:
        code, err, _ = await ordered(tmp_path, world, "approve", f"meshmigration/{NAME}")

    assert (code, "name it with --wave: pilot" in err) == (2, True)


@pytest.mark.parametrize("words", [("--wave", "pilot"), ("--step", "1")])
async def test_options_of_the_other_kind_are_a_usage_error(tmp_path: Path, words: tuple[str, str]) -> None:
    name = "checkout" if words[0] == "--wave" else f"meshmigration/{NAME}"
    async with a_fleet(waves=GATED) as world:
        code, _, _ = await ordered(tmp_path, world, "approve", name, *words)

    assert code == 2


async def test_a_migration_is_paused_and_resumed(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.tick()
        paused, _, _ = await ordered(tmp_path, world, "pause", f"meshmigration/{NAME}", "--reason", "audit")
        why = (await world.status()).paused
        resumed, _, _ = await ordered(tmp_path, world, "resume", f"meshmigration/{NAME}")
        after = (await world.status()).paused

    assert (paused, why, resumed, after) == (0, "ana: audit", 0, "")


async def test_a_fallback_opens_the_namespace(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Strict")
        await world.pass_time(timedelta(seconds=10))
        code, _, spec = await ordered(tmp_path, world, "mesh", "fallback", "shop", "--reason", "callers fail")
        policy = await world.read("PeerAuthentication", "shop", "default")

    assert (code, spec["subject"], spec["reason"]) == (0, "shop", "callers fail")
    assert policy["spec"]["mtls"]["mode"] == "PERMISSIVE"


async def test_what_the_stage_does_not_allow_is_refused_with_what_it_does(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Enrolling")
        code, err, _ = await ordered(tmp_path, world, "mesh", "retry", "shop")

    assert code == 1
    assert "possible there: rollback, acknowledge" in err
    assert "rollout mesh why shop" in json.loads(err.splitlines()[-1])["hint"]


async def test_a_warning_is_acknowledged_with_a_reason(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.tick()
        words = ("mesh", "acknowledge", "shop", "PORT-05 Service shop/web", "--reason", "port 9 is unused")
        code, _, spec = await ordered(tmp_path, world, *words)
        (known,) = (await world.of("shop")).acknowledged

    assert (code, spec["verb"], spec["finding"]) == (0, "acknowledge", "PORT-05 Service shop/web")
    assert (known.key, known.by, known.reason) == ("PORT-05 Service shop/web", "ana", "port 9 is unused")


@pytest.mark.parametrize("words", [("acknowledge", "shop", "PORT-05"), ("skip-soak", "shop")])
async def test_an_order_that_needs_a_reason_is_not_sent_without_one(tmp_path: Path, words: tuple[str, ...]) -> None:
    async with a_fleet() as world:
        code, err, spec = await ordered(tmp_path, world, "mesh", *words)

    assert (code, "--reason" in err, spec) == (2, True, {})


async def test_the_rest_of_a_soak_is_skipped(tmp_path: Path) -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="shop Observing")
        await world.pass_time(timedelta(seconds=20))
        code, _, spec = await ordered(tmp_path, world, "mesh", "skip-soak", "shop", "--reason", "quiet for weeks")
        stage = (await world.of("shop")).stage

    assert (code, spec["verb"]) == (0, Verb.PROMOTE.value)
    assert stage in (Stage.REHEARSAL, Stage.STRICT_CANARY)


async def test_without_the_right_nothing_is_written(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        world.cluster.allows = only_reads
        shown = await terminal.mesh("rollback", "shop")

    assert (shown.code, 'cannot create resource "rolloutcommands"' in shown.err) == (4, True)


async def test_without_a_controller_the_order_stays_and_the_wait_ends(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("abort", f"meshmigration/{NAME}", "--timeout", "1s")

    assert (shown.code, "the controller has not answered" in shown.err) == (3, True)
