"""Does `rollout history --audit` say who did what, from where, and what proved it?"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policies.approval import Realm
from rollout.model.commands import Verb
from rollout.progression.audit import proof
from rollout.services import auditing, queries
from tests.support.builders import a_command
from tests.support.cli import GATED, a_terminal, cluster_of
from tests.support.world import World, a_release

MINUTE = timedelta(minutes=1)
BY_SLACK = {
    "actor": {"user": "T1/UBEN", "realm": "slack", "email": "ben@shop.example", "vouched": "shop"},
    "channel": "slack",
}


async def a_day(world: World) -> None:
    """ana pauses v2 and lets it go on, ben's approval by Slack is refused, ana's opens the gate."""
    world.metrics.tell_requests("errors", bad=0, total=1000)
    await world.commit(revision="v2")
    await world.pass_time(MINUTE)
    await world.command("pause", reason="the till is busy")
    await world.pass_time(MINUTE)
    await world.command("resume")
    await world.pass_time(6 * MINUTE)
    await world.command("approve", **BY_SLACK)
    await world.pass_time(MINUTE)
    await world.command("approve", reason="looks good")
    await world.pass_time(MINUTE)


async def told(world: World) -> auditing.Audit:
    """The audit of checkout."""
    objects = cluster_of(world).objects
    return await auditing.audit(objects, await queries.rollout(objects, world.key))


async def test_the_table_names_who_from_where_and_what_became_of_it(tmp_path: Path) -> None:
    async with a_release(steps=GATED) as world:
        await a_day(world)
        async with a_terminal(tmp_path, world) as terminal:
            shown = await terminal.type("history", "checkout", "--audit")

    head, *rows = ([cell for cell in line.split("  ") if cell.strip()] for line in shown.out.splitlines())
    assert [cell.strip() for cell in head][:5] == ["AT", "RUN", "STEP", "REVISION", "VERB"]
    assert [" ".join(" ".join(row).split()) for row in rows] == [
        "2026-11-21 09:09:00 1 2 v2 approve ana cli cluster Accepted looks good",
        "2026-11-21 09:08:00 1 2 v2 approve slack:ben@shop.example slack slack of shop Refused -",
        "2026-11-21 09:02:00 1 1 v2 resume ana cli cluster Accepted -",
        "2026-11-21 09:01:00 1 1 v2 pause ana cli cluster Accepted the till is busy",
    ]


async def test_as_json_each_line_has_all_that_an_auditor_asks_for(tmp_path: Path) -> None:
    async with a_release(steps=GATED) as world:
        await a_day(world)
        async with a_terminal(tmp_path, world) as terminal:
            shown = await terminal.type("history", "checkout", "--audit", "-o", "json")

    data = json.loads(shown.out)
    assert (data["kind"], data["unread"]) == ("Audit", None)
    newest, refused = data["entries"][:2]
    assert newest["at"] == "2026-11-21T09:09:00+00:00"
    assert newest["provenBy"] == "cluster"
    assert refused["result"] == "Refused"
    assert "is no approver" in refused["message"]
    assert refused["command"].startswith("approve-")


async def test_what_was_obeyed_stays_when_the_commands_are_gone() -> None:
    async with a_release(steps=GATED) as world:
        await a_day(world)
        await world.pass_time(20 * MINUTE)
        before = await told(world)
        for entry in before.entries:
            await world.person.delete(world.path("RolloutCommand", entry.command))

        after = await told(world)

    assert [(one.verb, one.by, one.run, one.revision) for one in after.entries] == [
        ("approve", "ana", 1, "v2"),
        ("resume", "ana", 1, "v2"),
        ("pause", "ana", 1, "v2"),
    ]
    assert not any(one.command for one in after.entries)


async def test_a_run_keeps_its_last_twenty_deeds() -> None:
    async with a_release() as world:
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        for number in range(24):
            await world.pass_time(timedelta(seconds=1))
            await world.command("resume" if number % 2 else "pause")
        await world.pass_time(timedelta(seconds=1))

        run = world.status.run

    assert run is not None
    assert len(run.deeds) == 20
    assert [deed.verb for deed in run.deeds[-2:]] == ["pause", "resume"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "cluster"),
        ({"proven": "token"}, "cluster by token"),
        ({"proven": "issuer https://id.shop.example"}, "cluster by issuer https://id.shop.example"),
        ({"realm": Realm.SLACK, "vouched": "shop"}, "slack of shop"),
    ],
)
def test_the_audit_says_what_proved_the_actor(changes: dict[str, Any], words: str) -> None:
    assert proof(a_command(Verb.APPROVE, **changes)) == words
