"""Which answers besides the wanted one does the OpenAPI document name?"""

from collections.abc import Mapping
from typing import Any

Responses = Mapping[int | str, dict[str, Any]]
READ: Responses = {
    401: {"description": "prove who you are"},
    421: {"description": "not a name of ours"},
    503: {"description": "the cluster does not answer"},
}
ONE: Responses = {**READ, 403: {"description": "not yours to see"}, 404: {"description": "there is none"}}
