"""Who is in a Slack that is this process, and what was said there?"""

import asyncio

from rollout.ports.errors import Forbidden, NotFound, PortError
from rollout.ports.people import Card, Place, SlackPerson, Workspace


class MemorySlack:
    """`Directory` and `Messages` of one workspace. asked: whom the directory was asked about, one for each question.

    messages: the newest content of each message. threads: which message a message answers, "" for none. responses:
    (url, card, replace) of each response, oldest first.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.messages: dict[Place, Card] = {}
        self.threads: dict[Place, str] = {}
        self.responses: list[tuple[str, Card, bool]] = []
        self._people: dict[str, SlackPerson] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._channels: dict[str, str] = {}
        self._token = ""
        self._failure: PortError | None = None
        self._answers = asyncio.Event()
        self._people_known = asyncio.Event()
        self.let_go()

    def add(self, *people: SlackPerson) -> None:
        """The workspace knows them from now on."""
        self._people |= {person.user: person for person in people}

    def group(self, name: str, *users: str) -> None:
        """The user group has these members from now on."""
        self._groups[name] = users

    def channel(self, identity: str, name: str) -> None:
        """There is this channel from now on."""
        self._channels |= {identity: identity, f"#{name}": identity}

    def require(self, token: str) -> None:
        """Let only this token in from now on."""
        self._token = token

    def fail(self, error: PortError | None) -> None:
        """Answer every question and message with `error` from now on; None: answer again."""
        self._failure = error

    def hold(self) -> None:
        """Answer nothing from now on, and do not refuse either."""
        self._answers.clear()

    def hold_people(self) -> None:
        """Answer no question about people from now on; messages are taken."""
        self._people_known.clear()

    def let_go(self) -> None:
        """Answer all that waits, and again from now on."""
        self._answers.set()
        self._people_known.set()

    async def person(self, workspace: Workspace, user: str) -> SlackPerson:
        """The user of that id; NotFound when the workspace does not know him."""
        self.asked.append(user)
        await self._people_known.wait()
        await self._works(workspace)
        if user not in self._people:
            raise NotFound(f"{workspace.team}: there is no user {user}")
        return self._people[user]

    async def groups(self, workspace: Workspace, user: str, among: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these user groups (ids) he is in, sorted; one that does not exist has no members."""
        await self._works(workspace)
        return tuple(group for group in sorted(set(among)) if user in self._groups.get(group, ()))

    async def post(self, workspace: Workspace, channel: str, card: Card, thread: str = "") -> Place:
        """Where the new message is."""
        await self._works(workspace)
        if channel not in self._channels:
            raise NotFound(f"{workspace.team}: there is no channel {channel}")
        if thread and not any(place.ts == thread for place in self.messages):
            raise NotFound(f"{workspace.team}: there is no message {thread}")
        place = Place(channel=self._channels[channel], ts=f"{1700000000 + len(self.messages)}.000100")
        self.messages[place] = card
        self.threads[place] = thread
        return place

    async def update(self, workspace: Workspace, place: Place, card: Card) -> None:
        """Put this in place of a message of ours."""
        await self._works(workspace)
        if place not in self.messages:
            raise NotFound(f"{workspace.team}: there is no message {place.ts}")
        self.messages[place] = card

    def is_answerable(self, url: str) -> bool:
        """Whether it is one of Slack's."""
        return url.startswith("https://hooks.slack.com/")

    async def respond(self, url: str, card: Card, *, replace: bool = False) -> None:
        """Remember the answer."""
        await self._works(None)
        self.responses.append((url, card, replace))

    async def _works(self, workspace: Workspace | None) -> None:
        await self._answers.wait()
        if self._failure is not None:
            raise self._failure
        if workspace is not None and workspace.token != (self._token or workspace.token):
            raise Forbidden("the token is not accepted; store the bot's present one")
