"""What can be set, by flag or by environment variable ROLLOUT_*?"""

import re
import socket
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidatorFunctionWrapHandler, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rollout.durations import duration
from rollout.logs import LEVELS, LogFormat
from rollout.model.shard import Shard, shard_from

HIGHEST_PORT = 65535


class Mesh(StrEnum):
    """Whose metrics the built-in queries ask for."""

    AUTO = "auto"
    ISTIO = "istio"
    LINKERD = "linkerd"
    ENVOY = "envoy"


class Traffic(StrEnum):
    """Whose routes are worked on; a controller for one of them needs no rights on the others' kinds."""

    ALL = "all"
    ISTIO = "istio"
    GATEWAY_API = "gateway-api"
    LINKERD = "linkerd"


class Settings(BaseSettings):
    """Settings of `rollout serve`, read once at the start. Addresses are `host:port`; port 0 takes a free one."""

    model_config = SettingsConfigDict(env_prefix="ROLLOUT_", extra="forbid", frozen=True)

    kubeconfig: Path | None = Field(default=None, description="kubeconfig file; in a pod the service account is used")
    context: str | None = Field(default=None, description="context of the kubeconfig")
    namespace: str = Field(default="", description="watch this namespace only; empty watches all")
    own_namespace: str = Field(
        default="rollout-system", description="where the controller itself lives: lease, trusted GitSources"
    )
    identity: str = Field(
        default="", description="name of this replica in the lease; empty takes the host name and a random part"
    )
    traffic: Traffic = Field(
        default=Traffic.ALL,
        description="all, or only the routes of istio, gateway-api or linkerd (Gateway API and SMI)",
    )
    prometheus_url: str = Field(
        default="", description="Prometheus API, such as http://prometheus.monitoring:9090; empty has no metrics"
    )
    prometheus_mesh: Mesh = Field(default=Mesh.AUTO, description="whose metrics the built-in queries ask for")
    prometheus_timeout: timedelta = Field(default=timedelta(seconds=10), description="deadline of one query")
    prometheus_bearer_file: Path | None = Field(
        default=None, description="file with a bearer token, read again when it changes"
    )
    prometheus_username: str = Field(default="", description="user name for basic authentication")
    prometheus_password: SecretStr = Field(default=SecretStr(""), description="password for basic authentication")
    prometheus_ca_file: Path | None = Field(default=None, description="CA bundle for the Prometheus API")
    prometheus_cert_file: Path | None = Field(default=None, description="client certificate for the Prometheus API")
    prometheus_key_file: Path | None = Field(default=None, description="key of the client certificate")
    prometheus_headers: dict[str, str] = Field(
        default={}, description='extra headers as JSON, such as {"X-Scope-OrgID": "shop"}'
    )
    mesh_inbound: str = Field(
        default=".*_15006",
        description="expression for Envoy's listener_address of inbound connections, where a mesh counts refused callers",
    )
    git_cache: Path | None = Field(
        default=None, description="folder for bare repositories; empty takes a temporary one"
    )
    allow_file_urls: bool = Field(
        default=False, description="let GitSources use file:// URLs, and http:// to this machine"
    )
    allow_http_urls: bool = Field(default=False, description="let GitSources use http:// URLs to any host")
    workers: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Rollouts that act at the same time; those that wait for metrics do not count",
    )
    metrics_listen: str = Field(default="0.0.0.0:9090", description="address of /metrics, /healthz and /readyz")
    api_listen: str = Field(default="127.0.0.1:8080", description="address of the JSON API; empty switches it off")
    api_tokens: bool = Field(default=False, description="take the cluster's bearer tokens at the API (TokenReview)")
    api_proxy_from: str = Field(
        default="", description="networks of a proxy that says who somebody is, such as 10.0.3.7/32; empty trusts none"
    )
    api_proxy_user_header: str = Field(default="X-Forwarded-User", description="the proxy's header with the user")
    api_proxy_groups_header: str = Field(default="X-Forwarded-Groups", description="its header with the groups")
    api_url: str = Field(default="", description="how people reach the API, such as https://rollout.shop.example")
    login_issuer: str = Field(
        default="", description="issuer of OpenID Connect at which people sign in, such as https://id.shop.example"
    )
    login_ca_file: Path | None = Field(
        default=None, description="CA bundle for the issuer; empty believes whom this machine believes"
    )
    login_client_id: str = Field(default="", description="what the issuer calls this controller")
    login_client_secret_file: Path | None = Field(
        default=None, description="file with the client's secret, read at each sign-in; empty for a public client"
    )
    login_scopes: str = Field(default="openid profile email", description="what is asked of the issuer")
    login_username_claim: str = Field(default="sub", description="claim with the user's name, as of kube-apiserver")
    login_username_prefix: str = Field(
        default="", description="before the user's name; empty is ISSUER# unless the claim is email, - is none"
    )
    login_groups_claim: str = Field(default="", description="claim with the user's groups; empty takes none")
    login_groups_prefix: str = Field(default="", description="before each group's name")
    session_key_file: Path | None = Field(
        default=None,
        description="file with keys that seal sessions, one a line, the newest first, read when it changes",
    )
    session_life: timedelta = Field(default=timedelta(hours=8), description="a session ends so long after its begin")
    session_idle: timedelta = Field(default=timedelta(hours=1), description="or so long after its last request")
    webhooks_listen: str = Field(
        default="", description="address of inbound webhooks of Receivers; empty switches them off"
    )
    log_format: LogFormat = Field(default=LogFormat.AUTO, description="json, text, or auto: text on a terminal")
    log_level: str = Field(default="info", description="debug, info, warning or error")
    shard: str = Field(
        default="1/1",
        description="part of the fleet that this process keeps, such as 2/3; auto/3 goes by the number of the "
        "StatefulSet's pod",
    )
    elect: bool = Field(
        default=True, description="take a Lease before writing; switch off only for a single replica on a laptop"
    )

    @field_validator("prometheus_timeout", "session_life", "session_idle", mode="wrap")
    @classmethod
    def _is_a_duration(cls, value: object, otherwise: ValidatorFunctionWrapHandler) -> timedelta:
        """As in a spec; ISO 8601, which was the only form once, goes on working."""
        with suppress(ValueError):
            return duration(str(value))
        try:
            found: timedelta = otherwise(value)
        except ValidationError as error:
            raise ValueError(f"{value!r} is no duration: write 2s, 5m or 1h30m") from error
        return found

    @field_validator("prometheus_timeout")
    @classmethod
    def _leaves_time(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError(f"{value.total_seconds():g}s leaves no time for an answer: write 10s")
        return value

    @field_validator("metrics_listen", "api_listen", "webhooks_listen")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if text and not (host and port.isdigit() and int(port) <= HIGHEST_PORT):
            raise ValueError(f"{text!r} is no address: write host:port, such as 127.0.0.1:8080")
        return text

    @field_validator("api_proxy_from")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for part in text.split(",") if text else ():
            try:
                ip_network(part.strip())
            except ValueError as error:
                raise ValueError(f"{part!r} is no network: write 10.0.3.7/32, with commas between") from error
        return text

    @field_validator("prometheus_url", "api_url", "login_issuer")
    @classmethod
    def _is_a_url(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(f"{text!r} is no URL: write http://prometheus.monitoring:9090")
        return text

    @field_validator("mesh_inbound")
    @classmethod
    def _is_an_expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"{text!r} is no regular expression: {error}") from error
        if not text:
            raise ValueError("an empty expression fits no listener: refused callers would stay unseen")
        return text

    @field_validator("shard")
    @classmethod
    def _is_a_shard(cls, text: str) -> str:
        shard_from(text, socket.gethostname())
        return text

    @property
    def part(self) -> Shard:
        """The shard of this process."""
        return shard_from(self.shard, socket.gethostname())

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, text: str) -> str:
        if text not in LEVELS:
            raise ValueError(f"{text!r} is none of {', '.join(LEVELS)}")
        return text

    @field_validator("login_scopes")
    @classmethod
    def _asks_for_a_token(cls, text: str) -> str:
        if "openid" not in text.split():
            raise ValueError(f"{text!r} lacks openid, without which the issuer does not say who somebody is")
        return text

    @model_validator(mode="after")
    def _open_api_is_ours_alone(self) -> "Settings":
        host = self.api_listen.rpartition(":")[0].strip("[]")
        is_asked = self.api_tokens or self.api_proxy_from or self.login_issuer
        if self.api_listen and not (is_asked or _is_loopback(host)):
            raise ValueError(
                f"api_listen is {self.api_listen}, where others reach it: set api_tokens, login_issuer or "
                "api_proxy_from, or listen at 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _shards_agree(self) -> "Settings":
        if self.part.count > 1 and not self.elect:
            raise ValueError(f"shard is {self.shard} without elect: shards agree by Leases about who writes")
        return self

    @model_validator(mode="after")
    def _can_sign_in(self) -> "Settings":
        if self.login_issuer and not self.login_client_id:
            raise ValueError("login_issuer is set: set login_client_id, by which the issuer knows this controller")
        for name, url in (("login_issuer", self.login_issuer), ("api_url", self.api_url)):
            if self.login_issuer and not _is_safe(url):
                raise ValueError(f"login_issuer is set: {name} is {url!r}; write https://, or http:// of this machine")
        return self

    @model_validator(mode="after")
    def _sessions_last(self) -> "Settings":
        if not timedelta(0) < self.session_idle <= self.session_life:
            raise ValueError(
                f"session_idle is {self.session_idle}: write more than nothing, at most session_life {self.session_life}"
            )
        return self


def _is_safe(url: str) -> bool:
    """Whether nobody on the way can read or change what goes there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
