"""What does an answer of a forge mean: a page of statuses, or which PortError?"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from adapters.forges.table import Row
from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable
from rollout.ports.forges import CommitStatus

_LONGEST_SAID = 200  # characters of a forge's own words in a message
# GitHub: "wait for at least one minute before retrying" where a secondary limit comes without a header
_SECONDARY_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=2)  # a header that says more is wrong, or its clock is
_LIMITED = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_NO_COMMIT = re.compile(r"No commit found for", re.IGNORECASE)
_NEXT = re.compile(r'<[^>]*>\s*;[^,]*\brel="?next"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a forge. what: method and URL, for messages."""

    what: str
    code: int
    headers: Mapping[str, str]
    body: bytes

    def said(self) -> str:
        """The forge's own words, on one line and bounded."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        words = ""
        if isinstance(found, dict):
            parts = (found.get(name) for name in ("message", "errors", "error"))
            words = "; ".join(part if isinstance(part, str) else json.dumps(part) for part in parts if part)
        text = words or self.body[: 4 * _LONGEST_SAID].decode(errors="replace")
        return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_LONGEST_SAID]


def failure(row: Row, answer: Answer, secret: str, now: datetime) -> PortError:
    """The PortError for an answer that is no success. secret: name of the Secret that the token came from."""
    told = f"{answer.what}: {answer.said() or 'no message'} ({answer.code})"
    wait = _wait(answer.headers, now)
    match answer.code:
        case 401:
            return Forbidden(f"{told}: {row.name} does not accept the token of Secret {secret}")
        case 429:
            return Unreachable(f"{told}: {row.name} asks us to come less often", retry_after=wait or _SECONDARY_WAIT)
        case 403 if wait is not None or _LIMITED.search(answer.said()):
            return Unreachable(f"{told}: {row.name} asks us to come less often", retry_after=wait or _SECONDARY_WAIT)
        case 403:
            return Forbidden(f"{told}: the token of Secret {secret} may not write commit statuses")
        case 404:
            return NotFound(f"{told}: no such repository or commit, or the token of Secret {secret} may not see it")
        case 422 if _NO_COMMIT.search(answer.said()):
            return NotFound(f"{told}: the repository has no such commit")
        case code if 300 <= code < 400:
            return Rejected(
                f"{told}: {row.name} sends us elsewhere; was the repository renamed? Put its URL into spec.url"
            )
        case code if code in (408, 409) or code >= 500:
            return Unreachable(told, retry_after=wait)
        case _:
            return Rejected(told)


def is_repeated(row: Row, answer: Answer, word: str) -> bool:
    """Whether the forge only says that the state is this one already."""
    if not row.repeated or answer.code != 400:
        return False
    return (
        re.search(row.repeated.format(state=re.escape(word)) + r"\b", answer.body.decode(errors="replace")) is not None
    )


def entries(row: Row, answer: Answer) -> list[Mapping[str, Any]]:
    """The statuses of one page; Unreachable when the answer is none."""
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise Unreachable(f"{answer.what}: the answer is no JSON; is this the API of {row.name}?") from error
    if row.inside:
        found = found.get(row.inside) if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise Unreachable(f"{answer.what}: the answer holds no list of statuses; is this the API of {row.name}?")
    return found


def next_page(row: Row, answer: Answer, page: int) -> int | None:
    """The number of the next page; None after the last. URLs in answers are never followed: they may lead elsewhere."""
    if row.next_page and row.next_page in answer.headers:
        number = answer.headers[row.next_page].strip()
        return int(number) if number.isascii() and number.isdigit() and int(number) > page else None
    return page + 1 if _NEXT.search(answer.headers.get("Link", "")) else None


def newest(row: Row, found: Iterable[Mapping[str, Any]]) -> dict[str, CommitStatus]:
    """The newest status of each context: the one with the highest id. States that we do not know are left out."""
    statuses: dict[str, CommitStatus] = {}
    for entry in sorted(found, key=_number):
        context, state = str(entry.get(row.context) or ""), row.state_of(entry.get(row.state))
        if state is None:
            statuses.pop(context, None)
        else:
            text = str(entry.get("description") or "")
            statuses[context] = CommitStatus(context=context, state=state, text=text)
    return statuses


def _number(entry: Mapping[str, Any]) -> int:
    number = entry.get("id")
    return number if isinstance(number, int) else 0


def _wait(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the forge wants us to stay away; None where it does not say."""
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        return min(timedelta(seconds=int(after)), _LONGEST_WAIT)
    moment = _moment(after)
    if moment is None and headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining", "")) == "0":
        reset = headers.get("X-RateLimit-Reset", headers.get("RateLimit-Reset", "")).strip()
        if reset.isascii() and reset.isdigit() and len(reset) < 12:
            moment = datetime.fromtimestamp(int(reset), UTC)
    return None if moment is None else min(max(moment - now, timedelta(0)), _LONGEST_WAIT)


def _moment(text: str) -> datetime | None:
    """A date as HTTP writes it; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
