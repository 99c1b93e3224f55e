"""Does the cluster see to it that a command's actor is who sent it?

Only an admission policy can: by the time the controller reads a RolloutCommand, nobody knows who wrote it. So the live
policy must say what ours says, word for word, and its binding must deny.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rollout.ports.objects import Obj

POLICY = "ValidatingAdmissionPolicy"
BINDING = "ValidatingAdmissionPolicyBinding"
# What the API server fills in where a manifest says nothing; anything else there would narrow the policy.
_FILLED_IN: Mapping[str, object] = {
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "scope": "*",
}


def unbound(shipped: Sequence[Obj], policy: Obj | None, binding: Obj | None) -> str:
    """Why the actor of a command cannot be believed here; "" when it can.

    shipped: the policy and the binding of this version; policy and binding: the live ones, None where there is none.
    """
    wanted = {obj["kind"]: obj for obj in shipped}
    name = wanted[POLICY]["metadata"]["name"]
    if policy is None:
        return f"there is no {POLICY} {name}, or it may not be read"
    if binding is None:
        return f"there is no {BINDING} {name}, or it may not be read"
    if _said(policy["spec"]) != _said(wanted[POLICY]["spec"]):
        return f"the {POLICY} {name} is not the one of this version"
    bound, ours = _said(binding["spec"]), _said(wanted[BINDING]["spec"])
    if "Deny" not in (bound.pop("validationActions", None) or ()):
        return f"the {BINDING} {name} does not deny"
    if bound != {key: value for key, value in ours.items() if key != "validationActions"}:
        return f"the {BINDING} {name} does not hold everywhere"
    return ""


def _said(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec without what the API server fills in."""
    said = {key: _stripped(value) for key, value in spec.items()}
    return {key: value for key, value in said.items() if not (key in _FILLED_IN and _FILLED_IN[key] == value)}


def _stripped(value: object) -> object:
    match value:
        case Mapping():
            return _said(value)
        case list() | tuple():
            return [_stripped(item) for item in value]
        case _:
            return value
