"""Whose news does a Notifier tell, which of them, and in which shape on Slack?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.names import Key
from rollout.model.notifier import Channel, Severity
from rollout.model.status import Outcome, Phase, Reason, RolloutStatus
from rollout.ports.errors import NotFound, Unreachable
from tests.support.builders import CHECKOUT, NOON, a_run, a_status
from tests.support.notice_world import HOME, NoticeWorld, a_notifier, a_past, a_past_status

WAITS = Reason(code="AwaitingApproval", message="waiting for 1 approval of v2 by security")
FIRST = a_status(run=a_run())
SECOND = a_status(run=a_run(step=2, weight=50, step_started=NOON + timedelta(minutes=9)))
ENDED = a_past_status(a_past(1, Outcome.FAILED), phase=Phase.FAILED)
PAY = Key(namespace="pay", name="cart")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (FIRST, ()),
        (a_status(run=a_run(), reasons=(WAITS,)), ("AwaitingApproval",)),
        (
            a_status(run=a_run(), reasons=(Reason(code="NotAvailable", message="2 of 3", warning=True),)),
            ("NotAvailable",),
        ),
        (a_past_status(a_past(1)), ()),
        (ENDED, ("Failed",)),
        (a_past_status(a_past(1, Outcome.RETURNED)), ()),
    ],
)
async def test_severity_warning_tells_what_went_wrong_or_waits(
    status: RolloutStatus, expected: tuple[str, ...]
) -> None:
    assert await NoticeWorld(severity=Severity.WARNING).told(status) == expected


async def test_an_end_that_is_not_worth_telling_is_passed_for_good() -> None:
    world = NoticeWorld(severity=Severity.WARNING)
    await world.told(a_status(run=a_run(), reasons=(WAITS,)))

    await world.told(a_past_status(a_past(1)))

    assert "e1 " in world.status().told[0].mark


@pytest.mark.parametrize(
    ("changes", "key", "labels", "expected"),
    [
        ({}, CHECKOUT, {}, True),
        ({}, PAY, {}, False),
        ({"namespaces": ("*",)}, PAY, {}, False),
        ({"key": Key(namespace=HOME, name="all"), "namespaces": ("*",)}, PAY, {}, True),
        ({"key": Key(namespace=HOME, name="all"), "namespaces": ("pay",)}, PAY, {}, True),
        ({"key": Key(namespace=HOME, name="all"), "namespaces": ("pay",)}, CHECKOUT, {}, False),
        ({"key": Key(namespace=HOME, name="all")}, CHECKOUT, {}, False),
        ({"labels": (("team", "till"),)}, CHECKOUT, {"team": "till", "tier": "1"}, True),
        ({"labels": (("team", "till"),)}, CHECKOUT, {"team": "other"}, False),
        ({"labels": (("team", "till"),)}, CHECKOUT, {}, False),
        ({"kinds": ("MeshMigration",)}, CHECKOUT, {}, False),
    ],
)
async def test_news_are_routed_by_namespace_labels_and_kind(
    changes: dict[str, Any], key: Key, labels: dict[str, str], expected: bool
) -> None:
    world = NoticeWorld()
    notifier = a_notifier(**changes)
    world.notifiers.put(notifier, notifier.key)
    world.notifiers.labelled[world.rollouts.put(FIRST, key)] = labels

    await world.look(notifier.key)

    assert (key in {sent.message.key for sent in world.receiver.came}) is expected


@pytest.mark.parametrize(("namespace", "expected"), [(HOME, ("NamespaceInMesh",)), ("shop", ())])
async def test_a_migration_is_told_of_from_the_controllers_namespace_alone(
    namespace: str, expected: tuple[str, ...]
) -> None:
    world = NoticeWorld()
    key = Key(namespace=namespace, name="fleet")
    world.notifiers.put(a_notifier(key, kinds=("MeshMigration",)), key)
    since = NOON + timedelta(minutes=1)
    world.migrations.put(
        MigrationStatus(namespaces=(NamespaceStatus(name="shop", stage=Stage.OBSERVING, since=since),))
    )

    await world.look(key)

    assert world.receiver.codes() == expected


async def test_slack_has_one_message_for_each_run_with_the_news_below_it() -> None:
    world = NoticeWorld(channel=Channel.SLACK)
    for status in (FIRST, SECOND, ENDED):
        await world.told(status)
    await world.told(replace(a_past_status(a_past(1, Outcome.FAILED), run=a_run()), runs=2))

    assert [(sent.how, sent.receipt, sent.message.last.code) for sent in world.receiver.came] == [
        ("send", "C1/1.0", "Step"),
        ("update", "C1/1.0", "Step"),
        ("thread", "C1/1.0", "Step"),
        ("update", "C1/1.0", "Failed"),
        ("thread", "C1/1.0", "Failed"),
        ("send", "C1/2.0", "Step"),
    ]


async def test_a_message_that_somebody_deleted_is_sent_anew() -> None:
    world = NoticeWorld(channel=Channel.SLACK)
    await world.told(FIRST)
    world.receiver.shown.clear()

    await world.told(SECOND)

    assert [sent.how for sent in world.receiver.came] == ["send", "send"]
    assert world.status().told[0].receipt == "1 C1/2.0"


async def test_a_reply_that_failed_is_made_up_for_without_a_second_message() -> None:
    world = NoticeWorld(channel=Channel.SLACK)
    await world.told(FIRST)
    world.rollouts.put(SECOND)
    world.receiver.troubles = [NotFound("gone"), Unreachable("away")]
    await world.look()

    world.receiver.troubles = []
    await world.look()

    assert [sent.how for sent in world.receiver.came] == ["send", "update", "thread"]


async def test_a_message_is_kept_right_though_its_news_are_not_worth_telling() -> None:
    world = NoticeWorld(channel=Channel.SLACK, severity=Severity.WARNING)
    await world.told(a_status(run=a_run(), reasons=(WAITS,)))

    await world.told(FIRST)
    await world.told(a_past_status(a_past(1)))

    assert [(sent.how, sent.message.last.code) for sent in world.receiver.came] == [
        ("send", "AwaitingApproval"),
        ("update", "WaitOver"),
        ("update", "Promoted"),
    ]
