"""What must be in order before a namespace joins the mesh, and is it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.migration.preflight.access import ACCESS
from rollout.migration.preflight.admission import ADMISSION
from rollout.migration.preflight.callers import CALLERS
from rollout.migration.preflight.check import Check
from rollout.migration.preflight.client_tls import CLIENT_TLS
from rollout.migration.preflight.control_plane import CONTROL_PLANE
from rollout.migration.preflight.enrolling_labels import LABELS
from rollout.migration.preflight.estate import ESTATE
from rollout.migration.preflight.gathered import Gathered
from rollout.migration.preflight.guessing import GUESSING
from rollout.migration.preflight.modes import MODES
from rollout.migration.preflight.networks import NETWORKS
from rollout.migration.preflight.outside import OUTSIDE
from rollout.migration.preflight.pods import PODS
from rollout.migration.preflight.ports import PORTS
from rollout.migration.preflight.probing import PROBING
from rollout.migration.preflight.restarts import RESTARTS
from rollout.migration.preflight.room import ROOM
from rollout.migration.preflight.scrapes import SCRAPES
from rollout.migration.preflight.startup import STARTUP
from rollout.migration.preflight.versions import VERSIONS
from rollout.model.migration import Finding, Severity
from rollout.model.migration_marks import Acknowledged
from rollout.model.telemetry import Asked

# In the order of the catalogue.
CHECKS: tuple[Check, ...] = (
    *CONTROL_PLANE,
    *LABELS,
    *ADMISSION,
    *PORTS,
    *GUESSING,
    *PODS,
    *PROBING,
    *STARTUP,
    *CLIENT_TLS,
    *MODES,
    *ACCESS,
    *OUTSIDE,
    *SCRAPES,
    *NETWORKS,
    *ROOM,
    *RESTARTS,
    *VERSIONS,
    *ESTATE,
    *CALLERS,
)

# The kinds to gather, and the questions to ask.
KINDS: frozenset[str] = frozenset(kind for check in CHECKS for kind in check.reads)
ASKS: frozenset[Asked] = frozenset(asked for check in CHECKS for asked in check.asks)

# Rows that are about other meshes than Istio with sidecars, and what they wait for.
NOT_YET: Mapping[str, str] = {
    "PA-02": "Istio ambient: ztunnel takes DISABLE for PERMISSIVE",
    "AUTHZ-02": "Istio ambient: ztunnel denies all where a policy has rules about HTTP",
    "L7-01": "Istio ambient: without a waypoint these rules are not followed",
    "CONN-01": "Istio ambient: enrolment cuts connections that are open",
    "LINK-01": "Linkerd: ServiceProfiles and the annotation opaque-ports",
    "CONSUL-01": "Consul: transparent proxy, intentions, names of ServiceAccounts, protocols",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What all checks say of a namespace, each tuple sorted. findings: all of them.

    blocking: the namespace waits. waiting: warnings that nobody took responsibility for. acknowledged: those that
    somebody did. informing: only said. unknown: those of all four that mean "could not be read".
    """

    findings: tuple[Finding, ...]
    blocking: tuple[Finding, ...]
    waiting: tuple[Finding, ...]
    acknowledged: tuple[Finding, ...]
    informing: tuple[Finding, ...]
    unknown: tuple[Finding, ...]

    @property
    def is_clear(self) -> bool:
        """Whether the namespace may go on."""
        return not self.blocking and not self.waiting


def verdict(gathered: Gathered, acknowledged: Sequence[Acknowledged] = (), checks: Sequence[Check] = CHECKS) -> Verdict:
    """All checks on what was gathered. An acknowledgement names a finding's key or a check's id; it never lifts a block."""
    findings = tuple(sorted({one for check in checks for one in check.findings(gathered)}))
    keys = {one.key for one in acknowledged}
    warnings = _of(findings, Severity.WARN)
    taken = tuple(one for one in warnings if keys & {one.key, one.check})
    return Verdict(
        findings=findings,
        blocking=_of(findings, Severity.BLOCK),
        waiting=tuple(one for one in warnings if one not in taken),
        acknowledged=taken,
        informing=_of(findings, Severity.INFO),
        unknown=tuple(sorted(one for check in checks if (one := check.unseen(gathered)))),
    )


def _of(findings: tuple[Finding, ...], severity: Severity) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.severity is severity)
