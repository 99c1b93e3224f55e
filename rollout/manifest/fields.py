"""Which kinds of text may the fields of our kinds hold?

Each type says what is expected in words, and puts its pattern, length and rules into the CRD's schema.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rollout import durations
from rollout.manifest import quantities
from rollout.manifest.data import Json
from rollout.model.names import Key

MAX_LABEL = 63  # a DNS label, and the value of a Kubernetes label
MAX_NAME = 253  # a DNS subdomain: most names in Kubernetes
MOST_STEPS = 100  # of a plan, after ramps are written out

LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
LABEL_NAME = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
SERVICE = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"  # RFC 1035: a Service's name starts with a letter
SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

_PLACE = r"\{(namespace|name)\}"
_FIXED = rf"^([-a-z0-9]|{_PLACE})+$"
_FIXED_DOTS = rf"^([-a-z0-9.]|{_PLACE})+$"
_LABELLED = rf"^([-a-z0-9]|{_PLACE})*\{{revision\}}([-a-z0-9]|{_PLACE})*$"
_LABELLED_DOTS = rf"^([-a-z0-9.]|{_PLACE})*\{{revision\}}([-a-z0-9.]|{_PLACE})*$"
_VALUE = r"^([-A-Za-z0-9_.]|\{(revision|namespace|name)\})*$"


RULES = "x-kubernetes-validations"


class Form(BaseModel):
    """Fields as a person writes them: camelCase, no conversion, nothing unknown.

    A field's default stands here and nowhere else; the CRD's schema and the model have it from here.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Json) -> Json:
        """To the API server a null is an absent field; a field that must be there keeps it, to be told as empty."""
        if not isinstance(data, dict) or None not in data.values():
            return data
        needed = {field.alias for field in cls.model_fields.values() if field.is_required()}
        return {name: value for name, value in data.items() if value is not None or name in needed}


def rules(*written: tuple[str, str]) -> ConfigDict:
    """CEL and its message, which the API server checks by itself; Python says the same with lines and more words."""
    listed: list[JsonValue] = [{"rule": rule, "message": message} for rule, message in written]
    return ConfigDict(json_schema_extra={RULES: listed})


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a certain shape. expected: in words, follows "is not"."""

    expected: str
    pattern: str
    max_length: int = MAX_NAME
    min_length: int = 1

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        lengths = {"minLength": self.min_length} if self.min_length else {}
        pattern = {"pattern": self.pattern} if self.pattern else {}
        return {**handler(schema), **pattern, **lengths, "maxLength": self.max_length}

    def _checked(self, value: str) -> str:
        if len(value) > self.max_length:
            limits = {"length": len(value), "most": self.max_length}
            raise PydanticCustomError("text_too_long", "has {length} characters, at most {most} are allowed", limits)
        if len(value) < self.min_length or (self.pattern and not re.fullmatch(self.pattern, value)):
            raise PydanticCustomError("text_unexpected", "is not {expected}", {"expected": self.expected})
        return value


@dataclass(frozen=True, slots=True)
class Measure:
    """How two texts are compared: the number that Python reads of one, and what CEL reads, {} being the text."""

    read: Callable[[str], float]
    cel: str


DURATIONS = Measure(lambda text: durations.duration(text).total_seconds(), "duration({})")
PERCENTAGES = Measure(quantities.ratio, "double({}.replace('%', ''))")


@dataclass(frozen=True, slots=True)
class Between:
    """A duration or a percentage within what makes sense, both ends as they are written."""

    low: str
    high: str
    of: Measure = DURATIONS

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        value, low, high = (self.of.cel.format(text) for text in ("self", f"'{self.low}'", f"'{self.high}'"))
        rule = f"{value} >= {low} && {value} <= {high}"
        return _ruled(handler(schema), rule, f"must be between {self.low} and {self.high}")

    def _checked(self, value: str) -> str:
        low, read, high = (self.of.read(text) for text in (self.low, value, self.high))
        if not low <= read <= high:
            ends = {"low": self.low, "high": self.high}
            raise PydanticCustomError("text_unexpected", "is not between {low} and {high}", ends)
        return value


@dataclass(frozen=True, slots=True)
class Never:
    """Text in which `pattern` (RE2's part of Python's syntax) is never found. message: what is said where it is."""

    pattern: str
    message: str

    def __get_pydantic_core_schema__(self, source: type[str], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _ruled(handler(schema), f"!self.matches(r'{self.pattern}')", self.message)

    def _checked(self, value: str) -> str:
        if re.search(self.pattern, value):
            raise PydanticCustomError("text_unexpected", "{message}", {"message": self.message})
        return value


def _ruled(schema: JsonSchemaValue, rule: str, message: str) -> JsonSchemaValue:
    return {**schema, RULES: [*schema.get(RULES, ()), {"rule": rule, "message": message}]}


Name = Annotated[str, Text("a name of lower-case letters, digits and dashes", LABEL, MAX_LABEL)]
ObjectName = Annotated[str, Text("the name of an object in this namespace", SUBDOMAIN)]
PlacedName = Annotated[str, Text("the name of an object; placeholders here are {namespace} and {name}", _FIXED_DOTS)]
ServiceName = Annotated[
    str, Text("the short name of a Service in this namespace; placeholders here are {namespace} and {name}", _FIXED)
]
Revision = Annotated[str, Text("a revision: letters, digits, dashes, dots and underscores", LABEL_VALUE, MAX_LABEL)]
ServicePerRevision = Annotated[
    str, Text("the name of one Service per revision, with {revision} in it once: checkout-{revision}", _LABELLED)
]
SubsetPerRevision = Annotated[
    str, Text('the name of one subset per revision, with {revision} in it once: "{revision}"', _LABELLED)
]
WorkloadPerRevision = Annotated[
    str, Text("the name of one workload per revision, with {revision} in it once: checkout-{revision}", _LABELLED_DOTS)
]
LabelValue = Annotated[
    str, Text("a label's value; placeholders are {revision}, {namespace} and {name}", _VALUE, MAX_NAME, 0)
]
Duration = Annotated[str, Text("a duration such as 90s, 5m, 1h30m or 250ms", durations.DURATION, 20, 2)]
Percent = Annotated[str, Text('a percentage such as "1%" or "0.5%"', quantities.PERCENT, 9)]
WholePercent = Annotated[str, Text('a whole percentage from "0%" to "200%"', quantities.WHOLE_PERCENT, 4)]
Number = Annotated[str, Text('a number in quotes such as "3" or "0.25"', quantities.NUMBER, 32)]
# `placeholders.py` says offline which word is unknown and which one is near
_KNOWN = ".replace('{revision}', '-').replace('{namespace}', '-').replace('{name}', '-')"
PromQL = Annotated[
    str,
    Text("PromQL", "", 4096),
    Field(
        json_schema_extra=rules(
            (
                rf"!self{_KNOWN}.matches(r'\{{\s*[A-Za-z_][A-Za-z0-9_.]*\s*\}}')",
                "placeholders are {revision}, {namespace} and {name}",
            )
        )["json_schema_extra"]
    ),
]
Words = Annotated[str, Text("a short text", "", 1024, 0)]
LabelName = Annotated[str, Text("the name of a label", LABEL_NAME, MAX_NAME + 1 + MAX_LABEL)]
LabelText = Annotated[str, Text("the value of a label", f"^$|{LABEL_VALUE}", MAX_LABEL, 0)]


def one_line(text: str) -> str:
    """What can be printed of somebody's words: they are told in sentences, tables and the log. The object keeps them all."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def placed(text: str, key: Key) -> str:
    """`text` with `{namespace}` and `{name}` replaced; `{revision}` stays."""
    return text.replace("{namespace}", key.namespace).replace("{name}", key.name)
