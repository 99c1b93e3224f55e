"""Where is the API server, and how do we prove who we are?

The official client reads kubeconfig or service account and runs exec plugins and token refresh. On top: everything is
read again when a token has expired or was not accepted, so that rotated files and short-lived tokens just work. The
client is imported only here and only when needed, because the import alone takes longer than a CLI command may.
"""

import asyncio
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from rollout.ports.errors import Unreachable

_CLIENT = ("kubernetes", "kubernetes.aio")
_RENEW_BEFORE = timedelta(seconds=10)  # a token that ends sooner is not worth a request
_RELOAD_AT_MOST = timedelta(seconds=5)  # a server that refuses a fresh token is not asked in a loop
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the official client made of the configuration. expires: when an exec plugin's token ends, None unknown."""

    configuration: Any
    expires: datetime | None = None


Load = Callable[[], Awaitable[Loaded]]


class Credentials:
    """Configuration of one API server, with an Authorization header that stays valid."""

    def __init__(self, load: Load, loaded: Loaded) -> None:
        self._load = load
        self._loaded, self._proxy = loaded, _proxy(loaded)
        self._reloaded_at = datetime.min.replace(tzinfo=UTC)
        self._loading = asyncio.Lock()

    @property
    def server(self) -> str:
        """The URL of the API server, without a slash at the end."""
        return str(self._loaded.configuration.host).rstrip("/")

    @property
    def proxy(self) -> str | None:
        """The URL of the proxy to go through: kubeconfig's, or that of HTTPS_PROXY and NO_PROXY; None to go directly."""
        return self._proxy

    @property
    def tls_server_name(self) -> str | None:
        """The name that the server's certificate must have, None where it is the URL's."""
        return self._loaded.configuration.tls_server_name or None

    def tls(self) -> ssl.SSLContext:
        """The context that the official client makes of CA, client certificate and skipped verification."""
        rest = _official("client.rest")
        context: ssl.SSLContext = rest.RESTClientObject(self._loaded.configuration).ssl_context
        return context

    async def authorization(self) -> str | None:
        """The Authorization header; None where a client certificate, or nothing, is what we have."""
        expires = self._loaded.expires
        if expires is not None and expires - _RENEW_BEFORE <= datetime.now(UTC):
            await self._reload()
        return await self._header()

    async def is_renewed(self, refused: str | None) -> bool:
        """Whether there is another header now than the one that was refused with 401; reads everything again."""
        if await self._header() == refused:
            await self._reload()
        return await self._header() != refused

    async def _reload(self) -> None:
        async with self._loading:
            if datetime.now(UTC) - self._reloaded_at >= _RELOAD_AT_MOST:
                self._reloaded_at = datetime.now(UTC)
                self._loaded = await self._load()
                self._proxy = _proxy(self._loaded)

    async def _header(self) -> str | None:
        settings = await self._loaded.configuration.auth_settings()
        header = settings.get("BearerToken", {}).get("value")
        return str(header).strip() if header else None


async def found_credentials(kubeconfig: str | None, context: str | None) -> Credentials:
    """Those of `kubeconfig`, else of $KUBECONFIG or ~/.kube/config, else of the pod's service account.

    Raises Unreachable when there is none, or when it cannot be used.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG") or _home_config()
    if path:
        return await _credentials(_kubeconfig_loader(path, context))
    if context:
        raise Unreachable(f"context {context!r}: there is no kubeconfig; set --kubeconfig or $KUBECONFIG")
    return await service_account_credentials()


async def service_account_credentials(folder: Path = _SERVICE_ACCOUNT) -> Credentials:
    """Those that Kubernetes mounts into a pod; raises Unreachable outside of one."""
    return await _credentials(_service_account_loader(folder))


async def _credentials(load: Load) -> Credentials:
    return Credentials(load, await load())


def _proxy(loaded: Loaded) -> str | None:
    """Kubeconfig's proxy, or the one that the environment has for the server; NO_PROXY is about the latter, as for kubectl."""
    if loaded.configuration.proxy:
        return str(loaded.configuration.proxy)
    request, server = import_module("urllib.request"), urlsplit(str(loaded.configuration.host))
    if not server.hostname or request.proxy_bypass(server.netloc.rpartition("@")[2]):
        return None
    found = request.getproxies().get(server.scheme)
    return f"http://{found}" if found and "://" not in found else found


def _exists(paths: str) -> bool:
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)


def _home_config() -> str:
    path = Path.home() / ".kube" / "config"
    return str(path) if path.exists() else ""


def _kubeconfig_loader(path: str, context: str | None) -> Load:
    async def load() -> Loaded:
        config, client = _official("config"), _official("client")
        if not _exists(path):
            raise Unreachable(f"kubeconfig {path}: no such file; set --kubeconfig or $KUBECONFIG")
        configuration = client.Configuration()
        try:
            loader = await config.load_kube_config(path, context, configuration, persist_config=False)
        except (config.ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            where = f"kubeconfig {path}" + (f", context {context}" if context else "")
            raise Unreachable(f"{where}: {error}; `kubectl config view` shows what is wrong") from error
        return Loaded(configuration=configuration, expires=getattr(loader, "exec_plugin_expiry", None))

    return load


def _service_account_loader(folder: Path) -> Load:
    async def load() -> Loaded:
        incluster = _official("config.incluster_config")
        configuration = _official("client").Configuration()
        loader = incluster.InClusterConfigLoader(
            token_filename=str(folder / "token"), cert_filename=str(folder / "ca.crt"), environ=os.environ
        )
        try:
            loader.load_and_set(configuration)
        except (incluster.ConfigException, OSError) as error:
            raise Unreachable(f"no kubeconfig, and not in a pod: {error} Set --kubeconfig or $KUBECONFIG.") from error
        return Loaded(configuration=configuration)

    return load


def _official(name: str) -> ModuleType:
    """A module of the official asynchronous client.

    The first lines of its packages import the synchronous one and all that can be done with either, 11 MiB and 0.2 s for
    what nobody here calls: they are left out.
    """
    for package in _CLIENT:
        if package not in sys.modules and (found := find_spec(package)) is not None:
            sys.modules[package] = module_from_spec(found)  # it knows where its modules are, and nothing else
    return import_module(f"{_CLIENT[-1]}.{name}")
