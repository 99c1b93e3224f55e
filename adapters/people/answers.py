"""Which PortError is an answer of Slack's that is not ok, and may the call be repeated?"""

from datetime import timedelta

from slack_sdk.errors import SlackApiError

from rollout.ports.errors import Forbidden, NotFound, PortError, Rejected, Unreachable

_LONGEST_WAIT = timedelta(hours=1)  # a header that says more is wrong
_DEFAULT_WAIT = timedelta(seconds=30)  # where a 429 has no header that can be read
_MISSING = frozenset(
    {
        "user_not_found",
        "users_not_found",
        "channel_not_found",
        "message_not_found",
        "thread_not_found",
        "no_such_subteam",
    }
)
_TRY_LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
# What a person does about it; all of them mean that the app may not.
_ADVICE = {
    "not_authed": "store the bot's token as `token` in the Secret",
    "invalid_auth": "store the bot's present token (xoxb-) as `token` in the Secret",
    "account_inactive": "the app was removed from the workspace; install it again and store its new token",
    "token_revoked": "install the app again and store its new token",
    "token_expired": "install the app again and store its new token",
    "not_allowed_token_type": "store the token of the bot (xoxb-), not of a user",
    "no_permission": "let the app do it in the workspace's settings",
    "not_in_channel": "invite the app into the channel",
    "is_archived": "the channel is archived; name another one",
    "cant_update_message": "the message is not the app's own",
    "edit_window_closed": "the workspace does not let messages be changed any more",
    "access_denied": "let the app do it in the workspace's settings",
    "user_not_visible": "the app may not see this user",
    "team_access_not_granted": "install the app into this workspace",
}
_PLAN = "user groups are no part of this workspace's plan; name Slack users or e-mail addresses instead"


def failure(method: str, error: SlackApiError) -> PortError:
    """The port's error for an answer that is not ok; says the method, Slack's code and what next."""
    response = error.response
    status = getattr(response, "status_code", getattr(response, "status", 0))
    headers = getattr(response, "headers", None) or {}
    data = getattr(response, "data", None)
    answer = data if isinstance(data, dict) else {}
    code = str(answer.get("error") or "")[:100]
    if status == 429 or code in ("ratelimited", "rate_limited"):
        wait = _retry_after(headers.get("Retry-After"))
        return Unreachable(f"{method}: Slack asks to wait {wait.total_seconds():.0f} s", retry_after=wait)
    if status >= 500 or code in _TRY_LATER or not code:
        return Unreachable(f"{method}: Slack answers {code or status}")
    if code in _MISSING:
        return NotFound(f"{method}: Slack answers {code}")
    if code == "missing_scope":
        scope = str(answer.get("needed") or "another scope")[:100]
        return Forbidden(f"{method}: the app lacks {scope}; add the scope, install the app again, store its new token")
    if code in _ADVICE:
        return Forbidden(f"{method}: Slack answers {code}; {_ADVICE[code]}")
    detail = _PLAN if code == "plan_upgrade_required" else str(answer.get("detail") or "")[:300]
    return Rejected(f"{method}: Slack answers {code}" + (f"; {detail}" if detail else ""))


def wait_of(problem: PortError, *, repeatable: bool) -> timedelta | None:
    """How long to wait before the call is repeated; None when it must not be.

    A call that was refused for its rate had no effect; one without an answer may have had one.
    """
    if problem.retry_after is not None:
        return problem.retry_after
    return timedelta(0) if repeatable and isinstance(problem, Unreachable) else None


def _retry_after(given: str | None) -> timedelta:
    try:
        wait = timedelta(seconds=int(given or ""))
    except (ValueError, OverflowError):
        return _DEFAULT_WAIT
    return min(max(wait, timedelta(seconds=1)), _LONGEST_WAIT)
