"""Which requests did an API server answer, one by one and with their times?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.servers.apiserver import ApiServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One answered request of the controller's account, or of another user. began, at: received, and answered."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    began: datetime
    at: datetime

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What was asked of which object."""
        return self.verb, self.resource, self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name} {self.code}"


class Tail:
    """The audit log of one user from a mark on, a piece at a time."""

    def __init__(self, server: ApiServer, user: str, since: int) -> None:
        self._log, self._user, self._at = server.audit_log, user, since

    def more(self) -> list[Audited]:
        """What was answered since the last time, oldest first; a watch counts when it begins."""
        with self._log.open("rb") as log:
            log.seek(self._at)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._at += len(whole)
        events = [json.loads(line) for line in whole.splitlines() if self._user.encode() in line]
        return [_audited(one) for one in events if one["user"]["username"] == self._user and _is_answer(one)]


def _is_answer(event: Mapping[str, Any]) -> bool:
    wanted = "ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"
    return event["stage"] == wanted and "objectRef" in event


def _audited(event: Mapping[str, Any]) -> Audited:
    reference = event["objectRef"]
    parts = (reference.get("resource", ""), reference.get("subresource", ""))
    return Audited(
        user=event["user"]["username"],
        verb=event["verb"],
        resource="/".join(part for part in parts if part),
        namespace=reference.get("namespace", ""),
        name=reference.get("name", ""),
        code=int((event.get("responseStatus") or {}).get("code", 0)),
        began=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        at=datetime.fromisoformat(event["stageTimestamp"]),
    )
