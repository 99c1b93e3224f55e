"""What is said of a Receiver: where it hears, and what keeps it from hearing?"""

from dataclasses import replace
from datetime import datetime

from rollout.model.receiver import GIT_HOSTS, Receiver, Sender
from rollout.model.status import Condition, Reason
from rollout.ports.errors import PortError
from rollout.ports.receivers import ReceiverStatus, StoredReceiver

_LONGEST_MESSAGE = 2000
_SHOWN_NAMES = 5
_ROUTES = {Sender.SLACK: "slack", Sender.CALLBACK: "callbacks", **dict.fromkeys(GIT_HOSTS, "git")}


def path_of(receiver: Receiver, path: str) -> str:
    """Where it hears, from the root of the webhooks' address."""
    return f"/hooks/{_ROUTES[receiver.sender]}/{path}"


def status_of(stored: StoredReceiver, home: str, missing: PortError | None, now: datetime) -> ReceiverStatus:
    """The status; equal to the stored one when nothing is new. missing: why its Secret cannot be used, None when it can."""
    said = _said(stored, home, missing)
    conditions = [("Ready", "False" if said.warning else "True")]
    if said.warning:
        conditions.append(("Stalled", "True"))  # kstatus: a person has to mend it
    known = {(one.type, one.status): one.since for one in (stored.told.conditions if stored.told else ())}
    made = (
        Condition(type=kind, status=status, reason=said.code, message=said.message[:_LONGEST_MESSAGE], since=now)
        for kind, status in conditions
    )
    return ReceiverStatus(
        observed_generation=stored.generation,
        path=path_of(stored.receiver, stored.path) if stored.receiver else "",
        conditions=tuple(replace(one, since=known.get((one.type, one.status), now)) for one in made),
    )


def _said(stored: StoredReceiver, home: str, missing: PortError | None) -> Reason:
    """Why it hears, or, as a warning, why it does not."""
    receiver = stored.receiver
    if receiver is None:
        return Reason(code="Unreadable", message=stored.error, warning=True)
    if missing is not None:
        return Reason(code="SecretMissing", message=str(missing), warning=True)
    if receiver.suspend:
        return Reason(code="NotHeard", message="nobody is heard: spec.suspend is true")
    others = [name for name in receiver.namespaces if name != receiver.key.namespace]
    if others and receiver.key.namespace != home:
        shown = ", ".join(others[:_SHOWN_NAMES]) + (" and more" if len(others) > _SHOWN_NAMES else "")
        more = f"only a Receiver in {home} may name others than its own; take them out of spec.namespaces"
        return Reason(code="ReachTooWide", message=f"it does not reach {shown}: {more}", warning=True)
    return Reason(code="Listening", message="it hears whoever proves himself")
