"""Who are the people of the demo, and what does the cluster know of them?"""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from rollout.cli.shop import NAMESPACE
from rollout.demo.issuer import Person
from rollout.demo.slack import TEAM, Member, Workspace

POLICY, SLACK, CHANNEL = "release-managers", "slack", "releases"
NEEDED = 2
ANA, BO, CY = "U024BE7LH", "U024BE7LK", "U024BE7LM"
MEMBERS = {ANA: "ana", BO: "bo", CY: "cy"}
APPROVERS = ("ana@shop.example", "bo@shop.example")
Obj = Mapping[str, Any]

SPEC = """\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {{name: checkout, namespace: shop}}
spec:
  revision: {revision}
  backend: {{service: "checkout-{{revision}}"}}
  workload: {{kind: Deployment, name: "checkout-{{revision}}"}}
  routes:
    - {{kind: VirtualService, name: checkout}}
  steps:
    - {{weight: {first_weight}, soak: 2s, approval: release-managers}}
    - {{weight: 50, soak: 4s}}
  objectives:
    - {{name: errors, kind: error-ratio, max: "1%"}}
  analysis: {{interval: 1s}}
  settle: 2s
"""


def workspace() -> Workspace:
    """Slack's: ana and bo approve, cy is somebody else of the shop."""
    found = Workspace(
        token=f"xoxb-{secrets.token_hex(16)}", secret=secrets.token_hex(16), channels={"C024BE91L": CHANNEL}
    )
    for identity, name in MEMBERS.items():
        found.add(Member(id=identity, name=name, email=_address(name)))
    return found


def people() -> tuple[Person, ...]:
    """Those of Slack, as the issuer of the dashboard knows them: by the same addresses, and else by nothing."""
    return tuple(Person(sub=name, name=name, email=_address(name)) for name in MEMBERS.values())


def objects(at: Workspace) -> list[Obj]:
    """What an administrator applies: who approves, who is heard, where news go, and Slack's secrets."""
    secret = {"name": SLACK}
    approvers = {"emails": list(APPROVERS)}
    grants = [{"verbs": ["approve", "reject", "abort"], "who": approvers}]
    data = {"secret": at.secret, "token": at.token}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": NAMESPACE, **secret},
            "data": {name: b64encode(text.encode()).decode() for name, text in data.items()},
        },
        _ours("ApprovalPolicy", POLICY, approvers=approvers, minimum=NEEDED),
        _ours("Receiver", SLACK, type="slack", workspace=TEAM, secretRef=secret, grants=grants),
        _ours("Notifier", SLACK, type="slack", secretRef=secret, channel=f"#{CHANNEL}"),
    ]


def _address(name: str) -> str:
    return f"{name}@shop.example"


def _ours(kind: str, name: str, **spec: Any) -> Obj:
    meta = {"namespace": NAMESPACE, "name": name}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
