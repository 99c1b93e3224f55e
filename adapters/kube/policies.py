"""Which policies must approve, and which freezes mean an object? Those in the cluster, read from the watch cache."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import key_of, parse_approval_policy, parse_freeze_window
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import FreezeWindow, Once, Overrun
from rollout.model.names import Key

EVERYWHERE = "*"
_APPROVAL = "ApprovalPolicy"
_FREEZE = "FreezeWindow"
# A window that cannot be read may mean any time: it holds at all of them until it is mended.
_ALWAYS = Once(start=datetime(1970, 1, 1, tzinfo=UTC), end=datetime(9999, 12, 31, tzinfo=UTC))

T = TypeVar("T")


class KubePolicies:
    """The port `Policies` on a Cache. Parsed once per version.

    home: the controller's namespace, whose policies win and whose windows may reach other namespaces. elsewhere: the cache
    that has home's, where `cache` follows another namespace alone.
    """

    def __init__(self, cache: Cache, home: str, elsewhere: Cache | None = None) -> None:
        self._cache = cache
        self._home = home
        self._of_home = elsewhere or cache
        self._approvals: dict[Key, tuple[object, ApprovalPolicy | None]] = {}
        self._freezes: dict[Key, tuple[object, FreezeWindow]] = {}

    def approval(self, namespace: str, name: str) -> ApprovalPolicy | None:
        """The policy of that name for objects of the namespace; None when there is none that can be read.

        One in the controller's namespace wins even when it cannot be read: a local one must not weaken it.
        """
        for place in dict.fromkeys((self._home, namespace)):
            obj = (self._of_home if place == self._home else self._cache).get(_APPROVAL, place, name)
            if obj is None:
                continue
            policy = _kept(self._approvals, obj, _approval)
            if policy is None:
                return None
            vouched = tuple(dict.fromkeys((place, self._home)))
            return replace(policy, quorum=replace(policy.quorum, vouched=vouched))
        return None

    def freezes(self, kind: str, key: Key) -> tuple[FreezeWindow, ...]:
        """The windows that mean this object, whether they hold now or not, sorted; those that cannot be read hold always.

        What is in no namespace is meant by all windows of the controller's: they may reach what is in its own namespaces.
        """
        obj = self._cache.get(kind, key.namespace, key.name)
        labels = dict((obj["metadata"].get("labels") or {}) if obj is not None else {})
        found = (window for window in self._windows(key.namespace) if all(labels.get(n) == v for n, v in window.labels))
        return tuple(sorted((self._vouched(window) for window in found), key=lambda window: window.key))

    def _vouched(self, window: FreezeWindow) -> FreezeWindow:
        return replace(window, vouched=tuple(dict.fromkeys((window.key.namespace, self._home))))

    def _windows(self, namespace: str) -> Iterator[FreezeWindow]:
        """Those of the namespace itself, and the controller's that reach it; of no namespace all of the controller's."""
        for obj in self._of_home.list(_FREEZE, self._home):
            window = _kept(self._freezes, obj, self._freeze)
            reach = window.reach or (self._home,)
            if not namespace or namespace in reach or EVERYWHERE in reach:
                yield window
        if namespace in ("", self._home):
            return
        for obj in self._cache.list(_FREEZE, namespace):
            window = _kept(self._freezes, obj, self._freeze)
            if not window.reach:
                yield window

    def _freeze(self, obj: Obj) -> FreezeWindow:
        try:
            return parse_freeze_window(obj)
        except SpecErrors as error:
            words = "; ".join(str(one) for one in error.errors)
            key = key_of(obj)
            return FreezeWindow(
                key=key,
                windows=(_ALWAYS,),
                reach=(EVERYWHERE,) if key.namespace == self._home else (),
                overrun=Overrun.HOLD,
                reason=f"this window cannot be read, so it holds until it is mended: {words}",
            )


def is_selected(window: Obj, obj: Obj) -> bool:
    """Whether the object has the labels that a FreezeWindow asks for; one that cannot be read asks for none."""
    selector = (window.get("spec") or {}).get("selector") or {}
    labels = obj["metadata"].get("labels") or {}
    return not isinstance(selector, Mapping) or all(labels.get(name) == value for name, value in selector.items())


def _approval(obj: Obj) -> ApprovalPolicy | None:
    try:
        return parse_approval_policy(obj)
    except SpecErrors:
        return None


def _kept(memory: dict[Key, tuple[object, T]], obj: Obj, parse: Callable[[Obj], T]) -> T:
    """What the object means; parsed again only when it changed."""
    key, stamp = key_of(obj), (obj["metadata"].get("uid"), obj["metadata"].get("resourceVersion"))
    known = memory.get(key)
    if known is None or known[0] != stamp:
        known = memory[key] = (stamp, parse(obj))
    return known[1]
