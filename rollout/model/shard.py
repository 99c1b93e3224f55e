"""Which part of the fleet does one process look after?

Every object is of exactly one shard, whatever else there is: by a label of its own, else by a hash of its name. Kinds
whose objects must agree with each other stay together: who wants an object that two GitSources name, whose turn it is
among MeshMigrations, and which news of the fleet were told already is known by one process.
"""

import hashlib
import re
from dataclasses import dataclass

from rollout.model.names import Key

SHARD = "rollout.dev/shard"  # label: number of the shard that the object is to be of
SHARDS = "rollout.dev/shards"  # annotation of the Lease: into how many shards the fleet is divided; 1 without it
MOST_SHARDS = 64  # each is a process with a cache of its own: long before that something else is wrong
# Kinds that stay together, and where: what a source has in hand is noted for its commits before it brings something new.
_TOGETHER = {
    "GitSource": "GitSource",
    "CommitStatus": "GitSource",
    "MeshMigration": "MeshMigration",
    "Notifier": "Notifier",
}
_WRITTEN = re.compile(r"(auto|[0-9]{1,9})/([0-9]{1,9})")
_ORDINAL = re.compile(r"-([0-9]{1,9})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Number `number` (from 1) of `count`."""

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def home_of(kind: str, key: Key, label: str, count: int) -> int:
    """The number of the one shard that looks after the object, 1 to `count`. label: "" for none."""
    if kind in _TOGETHER:
        return _hashed(_TOGETHER[kind], count)
    return labelled(label, count) or _hashed(f"{kind}/{key}", count)


def stays_together(kind: str) -> bool:
    """Whether all objects of the kind are of one shard, whatever their labels say."""
    return kind in _TOGETHER


def labelled(label: str, count: int) -> int | None:
    """The shard that a label names; None when there is no such shard."""
    is_number = label.isascii() and label.isdigit() and len(label) <= len(str(MOST_SHARDS))
    return int(label) if is_number and 1 <= int(label) <= count else None


def shard_from(text: str, host: str) -> Shard:
    """What `2/3`, or `auto/3` on this host, means. ValueError says what is wrong with it.

    auto: by the number at the end of the host's name, as pods of a StatefulSet have it; more pods than shards are
    standbys, in turn.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is no shard: write 1/2 for the first of two, or auto/2 in a StatefulSet")
    count = int(written[2])
    if not 1 <= count <= MOST_SHARDS:
        raise ValueError(f"{text!r}: there may be 1 to {MOST_SHARDS} shards, not {count}")
    if written[1] == "auto":
        return Shard(number=_ordinal(host) % count + 1, count=count)
    if not 1 <= int(written[1]) <= count:
        raise ValueError(f"{text!r}: shards are numbered from 1 to {count}, there is no {int(written[1])}")
    return Shard(number=int(written[1]), count=count)


def _ordinal(host: str) -> int:
    found = _ORDINAL.search(host.partition(".")[0])
    if found is None:
        raise ValueError(
            f"the host is called {host!r}, with no number at its end as a StatefulSet's pods have: write 1/2 for auto/2"
        )
    return int(found[1])


def _hashed(text: str, count: int) -> int:
    """1 to `count`; the same in every process and version, which Python's own hash is not."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count + 1
