"""How do news reach a program? As signed JSON, one request for each."""

import json

from adapters.notices.payload import payload
from adapters.notices.posts import Posts
from adapters.notices.signing import signed
from rollout.model.notifier import Notifier
from rollout.ports.errors import Rejected
from rollout.ports.messages import Message, NoticeSecrets


class Webhooks:
    """`Messenger` for any receiver that knows Standard Webhooks; nothing can be edited there."""

    content_type = "application/json"

    def __init__(self, secrets: NoticeSecrets, posts: Posts) -> None:
        self._secrets = secrets
        self._posts = posts

    async def send(self, notifier: Notifier, message: Message) -> str:
        """No receipt."""
        place, secret = place_of(notifier), await self._secrets.read(notifier)
        body = self.body(message)
        headers = signed(place, secret.get("secret", ""), message.id, self._posts.clock.now(), body)
        await self._posts.post(
            place, url_in(place, secret.get("url", "")), body, {**headers, "Content-Type": self.content_type}
        )
        return ""

    async def update(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Nothing: what was sent stays."""

    async def thread(self, notifier: Notifier, receipt: str, message: Message) -> None:
        """Nothing: each piece of news is a request of its own."""

    def body(self, message: Message) -> bytes:
        """What is posted."""
        return json.dumps(payload(message), ensure_ascii=False, separators=(",", ":")).encode()


def place_of(notifier: Notifier) -> str:
    """The Secret, for errors."""
    return f"Secret {notifier.key.namespace}/{notifier.secret}"


def url_in(place: str, url: str) -> str:
    """The URL; Rejected when there is none."""
    if not url:
        raise Rejected(f"{place} has no key url; put the receiver's https:// URL there")
    return url
