"""Who else wrote a route object last?"""

from adapters.kube.api import Obj


def last_writer(obj: Obj, own: str) -> str:
    """The field manager that wrote fields of the spec last; "" when that is `own`, or nobody is known.

    From metadata.managedFields; status writers do not count, and of two of one second the one that is not `own`, then
    the later name wins.
    """
    writers = [
        (entry.get("time", ""), entry["manager"] != own, entry["manager"])
        for entry in obj["metadata"].get("managedFields") or ()
        if entry.get("manager") and not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})
    ]
    _, is_other, manager = max(writers, default=("", False, ""))
    return manager if is_other else ""
