"""How is signing in wired?"""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from adapters.oidc.issuers import Issuers
from adapters.oidc.logins import Client, OidcLogins
from rollout.ports.clock import Clock
from rollout.ports.errors import Unreachable
from rollout.settings import Settings
from rollout.web.callers import Callers
from rollout.web.claimed import Naming
from rollout.web.login import BACK
from rollout.web.sealing import KeyFile, Keys, Sealer, random_key
from rollout.web.sessions import Sessions
from rollout.web.signing_in import Desk, Issuing

_LOG = structlog.get_logger("rollout.web")


def sessions_of(settings: Settings, clock: Clock) -> Sessions:
    """Sessions of browsers. OSError for a key file that has no keys."""
    return Sessions(
        sealer=Sealer(_keys(settings)),
        clock=clock,
        life=settings.session_life,
        idle=settings.session_idle,
        issuer=settings.login_issuer,
    )


def desk_of(settings: Settings, callers: Callers, sessions: Sessions, stack: AsyncExitStack) -> Desk:
    """Where people sign in and out. OSError for a file of authorities that cannot be read."""
    return Desk(
        callers=callers,
        sessions=sessions,
        clock=sessions.clock,
        issuing=_issuing(settings, stack) if settings.login_issuer else None,
        is_secure=urlsplit(settings.api_url).scheme == "https",
    )


def _keys(settings: Settings) -> Keys:
    if settings.session_key_file is None:
        if settings.api_tokens or settings.login_issuer:
            why = "no --session-key-file: sessions end with this process, and no other replica knows them"
            _LOG.warning("session_key_made", why=why)
        return random_key()
    keys = KeyFile(settings.session_key_file)
    keys()  # a file without keys is told at the start
    return keys


def _issuing(settings: Settings, stack: AsyncExitStack) -> Issuing:
    file = settings.login_ca_file
    issuers = Issuers(ssl.create_default_context(cafile=file) if file is not None else None)
    stack.push_async_callback(issuers.close)
    own = urlsplit(settings.api_url)
    origin = f"{own.scheme}://{own.netloc}"
    client = Client(
        issuer=settings.login_issuer,
        name=settings.login_client_id,
        secret=_secret(settings.login_client_secret_file),
        scopes=settings.login_scopes,
        back=origin + BACK,
        home=origin + "/login",
    )
    naming = Naming(
        issuer=settings.login_issuer,
        username_claim=settings.login_username_claim,
        username_prefix=settings.login_username_prefix,
        groups_claim=settings.login_groups_claim,
        groups_prefix=settings.login_groups_prefix,
    )
    return Issuing(logins=OidcLogins(issuers, client), naming=naming)


def _secret(path: Path | None) -> Callable[[], str]:
    """Reads the client's secret; Unreachable when the file cannot be read, so that it may come back."""

    def read() -> str:
        if path is None:
            return ""
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unreachable(f"login_client_secret_file {path} cannot be read: {error}") from error

    return read
