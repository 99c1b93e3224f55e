"""Has every object exactly one owner, for any number of shards, whatever other objects come and go?"""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rollout.model.names import Key
from rollout.model.shard import Shard, home_of
from tests.support.divided import division

KINDS = st.sampled_from(["Rollout", "Receiver", "GitSource", "CommitStatus", "MeshMigration", "Notifier"])
NAMES = st.text("abc-9", min_size=1, max_size=8)
KEYS = st.builds(Key, namespace=NAMES, name=NAMES)
LABELS = st.sampled_from(["", "1", "2", "3", "17", "64", "0", "x", "-1", "1.5"]) | st.text(max_size=4)
COUNTS = st.integers(1, 9)


@given(kind=KINDS, labels=st.dictionaries(KEYS, LABELS, max_size=8), count=COUNTS)
def test_every_object_is_kept_by_exactly_one_shard(kind: str, labels: dict[Key, str], count: int) -> None:
    shards = [division(Shard(number=number, count=count), kind, labels) for number in range(1, count + 1)]

    owners = Counter(key for shard in shards for key in shard.objects())

    assert owners == dict.fromkeys(labels, 1)


@given(labels=st.dictionaries(KEYS, LABELS, min_size=1, max_size=8), others=st.sets(KEYS, max_size=8), count=COUNTS)
def test_whose_an_object_is_does_not_change_with_what_else_there_is(
    labels: dict[Key, str], others: set[Key], count: int
) -> None:
    alone = {key: home_of("Rollout", key, label, count) for key, label in labels.items()}

    among = {**dict.fromkeys(others, ""), **labels}
    for number in range(1, count + 1):
        kept = division(Shard(number=number, count=count), "Rollout", among).objects()
        assert {key for key in kept if key in labels} == {key for key, home in alone.items() if home == number}


@given(count=st.integers(2, 8))
def test_hashes_share_the_fleet_evenly(count: int) -> None:
    keys = [Key(namespace=f"team-{number % 20}", name=f"service-{number}") for number in range(400)]

    homes = Counter(home_of("Rollout", key, "", count) for key in keys)

    assert max(homes.values()) <= 1.5 * len(keys) / count
