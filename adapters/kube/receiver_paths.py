"""Under which path does a Receiver hear, so that nobody finds it who may not read it?"""

import hashlib
from collections.abc import Iterator

from adapters.kube.api import Obj


def path_of(obj: Obj) -> str:
    """The last part of a Receiver's URL: 64 hex digits that nobody knows who has not read its uid or status."""
    meta = obj["metadata"]
    return _digest(f"{meta.get('uid', '')} {meta.get('namespace', '')}/{meta.get('name', '')}")


def digest_of(path: str) -> str:
    """By what a Receiver is found: comparing it says nothing about how much of a guessed path was right."""
    return _digest(path)


def path_index(obj: Obj) -> Iterator[str]:
    """For the cache's index `path` of Receivers; without a uid there is nothing that could not be guessed."""
    if obj["metadata"].get("uid"):
        yield digest_of(path_of(obj))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
