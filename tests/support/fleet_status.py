"""What does the status of a large fleet in mid-move look like?"""

from datetime import timedelta

from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage
from rollout.model.migration_marks import Acknowledged, EdgeBaseline, PlaintextCaller, SoakMark
from rollout.model.status import Reason
from tests.support.builders import NOON

NOW = NOON + timedelta(microseconds=123456)  # a clock is never on the second


def a_soaking_fleet(namespaces: int = 1000) -> MigrationStatus:
    """So many namespaces in mid-soak."""
    fleet = tuple(in_mid_soak(number) for number in range(namespaces))
    return MigrationStatus(namespaces=fleet, wave="shops", next="look again in 15 s")


def in_mid_soak(number: int) -> NamespaceStatus:
    """A namespace that is looked at day and night: with callers measured, a warning taken and a caller found."""
    name = f"team-{number:04}-production"
    return NamespaceStatus(
        name=name,
        stage=Stage.OBSERVING,
        since=NOW,
        visited=Stage.OBSERVING,
        recorded=True,
        created=("6f0b2f0c-5a53-4f0e-9a67-2f0a1c0d9e11",),
        soak=SoakMark(clock=NOW, window=timedelta(hours=24), restarted="plaintext from web/frontend", looked=NOW),
        baseline=(
            EdgeBaseline(caller=f"{name}/frontend", workload="api", success=0.9993, p99=timedelta(seconds=0.213)),
        ),
        acknowledged=(Acknowledged(key=f"PA-01 Service {name}/api", by="ana@example.org", reason="moved together"),),
        callers=(PlaintextCaller(workload="api", source="legacy/batch", calls=12, last=NOW),),
        in_force=NOW,
        restarts=3,
        looked=NOW,
        reasons=(Reason(code="Observing", message="no plaintext for 5 h 12 min of 24 h, last from legacy/batch"),),
        next="STRICT for Deployment api, in about 18 h 48 min",
    )
