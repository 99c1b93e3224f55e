"""Who else wrote a route object last?"""

from adapters.kube.api import Obj


def last_writer(obj: Obj, own: str) -> str:
    """The field manager, other than `own`, that wrote fields of the spec last; "" when there is none.

    From metadata.managedFields; status writers do not count, and of two of one second the later name wins.
    """
    writers = [
        (entry.get("time", ""), entry["manager"])
        for entry in obj["metadata"].get("managedFields") or ()
        if entry.get("manager") not in (None, own)
        and not entry.get("subresource")
        and "f:spec" in (entry.get("fieldsV1") or {})
    ]
    return max(writers)[1] if writers else ""
