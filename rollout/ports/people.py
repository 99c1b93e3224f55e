"""Who is somebody of Slack, and how is something said there?

Whoever calls says in which workspace, with the token of the app's bot there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace (or organisation) of Slack. team: its id; token: of the app's bot there, shown to nobody."""

    team: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackPerson:
    """Somebody as Slack's directory has him.

    team: the workspace that he belongs to; organisation: of Enterprise Grid, "" without one. email: "" where Slack has not
    confirmed it or does not say it. is_guest: with one channel or several. is_stranger: of Slack Connect.
    """

    user: str
    team: str
    organisation: str = ""
    name: str = ""
    email: str = ""
    is_guest: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message. text: what notifications and screen readers say; blocks: Block Kit, () for the text alone."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message is: the channel's id and Slack's time stamp, which names it."""

    channel: str
    ts: str


class Directory(Protocol):
    """Slack's directory; what it said counts for a minute. Whatever cannot be asked is a PortError, never a guess."""

    async def person(self, workspace: Workspace, user: str) -> SlackPerson:
        """The user of that id; NotFound when the workspace does not know him."""

    async def groups(self, workspace: Workspace, user: str, among: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these user groups (ids) he is in, sorted; one that does not exist has no members."""


class Messages(Protocol):
    """Messages of the app. NotFound: no such channel or message; Forbidden: the app may not, or the token is not valid."""

    async def post(self, workspace: Workspace, channel: str, card: Card, thread: str = "") -> Place:
        """Where the new message is. channel: its id or #name; thread: time stamp of the message that it answers."""

    async def update(self, workspace: Workspace, place: Place, card: Card) -> None:
        """Put this in place of a message of ours."""

    def is_answerable(self, url: str) -> bool:
        """Whether this `response_url` leads to Slack. Makes no request."""

    async def respond(self, url: str, card: Card, *, replace: bool = False) -> None:
        """Answer to whoever did something, seen by him alone; or, with `replace`, put it in place of what he used.

        url: the `response_url` of his request; Rejected when it is not one of Slack's.
        """
