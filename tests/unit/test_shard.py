"""Is every object of exactly one shard, and is what people write for a shard understood?"""

import pytest

from rollout.model.names import Key
from rollout.model.shard import Shard, home_of, labelled, shard_from, stays_together

CART = Key(namespace="shop", name="cart")


def test_the_hash_is_the_same_in_every_version() -> None:
    homes = [home_of("Rollout", Key(namespace="shop", name=name), "", 3) for name in ("cart", "checkout", "pay", "web")]

    assert homes == [2, 1, 3, 3]


def test_a_label_names_the_shard() -> None:
    assert [home_of("Rollout", CART, label, 3) for label in ("1", "2", "3")] == [1, 2, 3]


@pytest.mark.parametrize("label", ["0", "4", "-1", "x", "1.0", "٢", "1 ", "99999999999"])
def test_a_label_without_such_a_shard_leaves_the_object_where_its_name_says(label: str) -> None:
    assert labelled(label, 3) is None
    assert home_of("Rollout", CART, label, 3) == home_of("Rollout", CART, "", 3)


@pytest.mark.parametrize("kind", ["GitSource", "CommitStatus", "MeshMigration", "Notifier"])
def test_kinds_whose_objects_must_agree_stay_together(kind: str) -> None:
    homes = {home_of(kind, Key(namespace="shop", name=f"n{number}"), str(number % 9), 5) for number in range(50)}

    assert stays_together(kind)
    assert len(homes) == 1


def test_commit_statuses_are_where_the_sources_are() -> None:
    assert all(home_of("CommitStatus", CART, "", n) == home_of("GitSource", CART, "", n) for n in range(1, 65))


@pytest.mark.parametrize(
    ("text", "host", "shard"),
    [
        ("1/1", "laptop", "1/1"),
        ("2/3", "laptop", "2/3"),
        ("auto/3", "rollout-controller-0", "1/3"),
        ("auto/3", "rollout-controller-2", "3/3"),
        ("auto/3", "rollout-controller-3", "1/3"),
        ("auto/2", "rollout-controller-1.rollout.rollout-system.svc.cluster.local", "2/2"),
    ],
)
def test_a_shard_is_written_or_goes_by_the_pods_number(text: str, host: str, shard: str) -> None:
    assert str(shard_from(text, host)) == shard


def test_a_host_without_a_number_cannot_be_gone_by() -> None:
    with pytest.raises(ValueError, match="the host is called 'laptop', with no number"):
        shard_from("auto/2", "laptop")


def test_without_a_word_one_process_keeps_all() -> None:
    assert home_of("Rollout", CART, "", Shard().count) == Shard().number
