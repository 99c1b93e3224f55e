"""How does a test ask a metrics server, and name only what matters to it?"""

from datetime import datetime, timedelta
from typing import Any

from rollout.model.measurement import Question, Window
from rollout.model.names import BackendName
from rollout.model.rollout import Objective
from tests.support.builders import ERRORS, NOON


def a_window(end: datetime = NOON, *, seconds: float = 60) -> Window:
    """The minute before `end`."""
    return Window(start=end - timedelta(seconds=seconds), end=end)


def a_question(objective: Objective = ERRORS, **changes: Any) -> Question:
    """shop/checkout v2, a Service and a workload checkout-v2 with one pod, the minute before noon."""
    fields: dict[str, Any] = {
        "namespace": "shop",
        "rollout": "checkout",
        "revision": "v2",
        "backend": BackendName(service="checkout-v2"),
        "workload": "checkout-v2",
        "pods": frozenset({"checkout-v2-a"}),
        "window": a_window(),
    }
    return Question(objective=objective, **(fields | changes))
