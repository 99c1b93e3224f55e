"""Is every setting read from the environment, and a wrong one refused?"""

from datetime import timedelta
from pathlib import Path

import click
import pytest
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from rollout.cli.serve import serve
from rollout.logs import LogFormat
from rollout.settings import Mesh, Settings, Traffic

# A variable's text and what it means, other than the default: by name, else by type.
OTHER: dict[str, tuple[str, object]] = {
    "prometheus_url": ("http://prometheus", "http://prometheus"),
    "metrics_listen": ("127.0.0.1:1", "127.0.0.1:1"),
    "api_listen": ("127.0.0.1:1", "127.0.0.1:1"),
    "api_proxy_from": ("10.0.3.7/32", "10.0.3.7/32"),
    "api_url": ("https://rollout.shop.example", "https://rollout.shop.example"),
    "login_issuer": ("https://id.shop.example", "https://id.shop.example"),
    "login_scopes": ("openid groups", "openid groups"),
    "session_life": ("4h", timedelta(hours=4)),
    "webhooks_listen": ("127.0.0.1:1", "127.0.0.1:1"),
    "log_level": ("debug", "debug"),
    "elect": ("false", False),
    "shard": ("2/3", "2/3"),
}
ISSUER = {
    "login_issuer": "https://id.shop.example",
    "login_client_id": "rollout",
    "api_url": "https://rollout.shop.example",
}
NEEDED = {"login_issuer": ISSUER}  # without these a setting is refused
OTHER_OF: dict[object, tuple[str, object]] = {
    str: ("another", "another"),
    str | None: ("another", "another"),
    int: ("2", 2),
    bool: ("true", True),
    timedelta: ("3s", timedelta(seconds=3)),
    Path | None: ("/another", Path("/another")),
    SecretStr: ("another", SecretStr("another")),
    dict[str, str]: ('{"another": "one"}', {"another": "one"}),
    Mesh: ("linkerd", Mesh.LINKERD),
    Traffic: ("linkerd", Traffic.LINKERD),
    LogFormat: ("json", LogFormat.JSON),
}


def test_the_api_is_bound_to_this_host_until_told_otherwise() -> None:
    settings = Settings()

    assert settings.api_listen.startswith("127.0.0.1:")
    assert settings.webhooks_listen == ""


def test_the_environment_sets_what_flags_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_PROMETHEUS_URL", "http://prometheus:9090")
    monkeypatch.setenv("ROLLOUT_PROMETHEUS_TIMEOUT", "3s")
    monkeypatch.setenv("ROLLOUT_PROMETHEUS_HEADERS", '{"X-Scope-OrgID": "shop"}')

    settings = Settings()

    assert settings.prometheus_url == "http://prometheus:9090"
    assert settings.prometheus_timeout == timedelta(seconds=3)
    assert settings.prometheus_headers == {"X-Scope-OrgID": "shop"}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_a_flag_that_names_its_variable(name: str) -> None:
    (option,) = [param for param in serve.params if isinstance(param, click.Option) and param.name == name]

    assert f"--{name.replace('_', '-')}" in option.opts
    assert f"[ROLLOUT_{name.upper()}; default: " in (option.help or "")


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items())
def test_every_setting_is_read_from_the_variable_that_its_flag_names(
    monkeypatch: pytest.MonkeyPatch, name: str, field: FieldInfo
) -> None:
    text, value = OTHER.get(name) or OTHER_OF[field.annotation]
    for needed, told in NEEDED.get(name, {}).items():
        monkeypatch.setenv(f"ROLLOUT_{needed.upper()}", told)
    monkeypatch.setenv(f"ROLLOUT_{name.upper()}", text)

    assert getattr(Settings(), name) == value
    assert field.default != value


DURATIONS = sorted(name for name, field in Settings.model_fields.items() if field.annotation is timedelta)


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2), ("1h30m", 5400), ("250ms", 0.25), ("PT2S", 2), ("PT1H30M", 5400)]
)
def test_every_duration_is_written_as_in_a_spec_or_in_iso_8601(name: str, text: str, seconds: float) -> None:
    settings = Settings.model_validate({"session_life": "8h", "session_idle": "1s", name: text} | _long(name))

    assert getattr(settings, name) == timedelta(seconds=seconds)


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("text", ["", "2", "2 s", "s", "1m1h", "two seconds", "P"])
def test_what_is_no_duration_is_refused_with_examples(name: str, text: str) -> None:
    with pytest.raises(ValidationError, match=f"{text!r} is no duration: write 2s, 5m or 1h30m"):
        Settings.model_validate({name: text})


@pytest.mark.parametrize("text", ["0s", "PT0S", "-PT1S"])
def test_a_query_has_some_time_for_its_answer(text: str) -> None:
    with pytest.raises(ValidationError, match="leaves no time for an answer: write 10s"):
        Settings.model_validate({"prometheus_timeout": text})


def _long(name: str) -> dict[str, str]:
    """A session may not be idle for longer than it lives."""
    return {"session_idle": "100ms"} if name == "session_life" else {}


@pytest.mark.parametrize("text", ["8080", ":8080", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536"])
@pytest.mark.parametrize("name", ["metrics_listen", "api_listen"])
def test_what_is_no_address_is_refused_with_an_example(name: str, text: str) -> None:
    with pytest.raises(ValidationError, match="write host:port, such as "):
        Settings.model_validate({name: text})


@pytest.mark.parametrize("text", ["", "127.0.0.1:0", "[::1]:8080", "localhost:8080"])
def test_an_address_is_a_host_and_a_port_or_nothing(text: str) -> None:
    assert Settings.model_validate({"api_listen": text}).api_listen == text


@pytest.mark.parametrize("text", ["0.0.0.0:8080", "[::]:8080", "10.0.3.7:8080", "rollout.shop.example:8080"])
def test_others_reach_the_api_only_once_they_are_asked_who_they_are(text: str) -> None:
    with pytest.raises(ValidationError, match="set api_tokens, login_issuer or api_proxy_from"):
        Settings.model_validate({"api_listen": text})
    for way in ({"api_tokens": True}, {"api_proxy_from": "10.0.3.8/32"}, ISSUER):
        assert Settings.model_validate({"api_listen": text, **way}).api_listen == text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"login_client_id": ""}, "set login_client_id"),
        ({"login_issuer": "http://id.shop.example"}, "login_issuer is 'http://id.shop.example'; write https://"),
        ({"login_issuer": "id.shop.example"}, "is no URL"),
        ({"api_url": ""}, "api_url is ''; write https://"),
        ({"api_url": "http://rollout.shop.example"}, "write https://"),
        ({"login_scopes": "email profile"}, "lacks openid"),
        ({"session_idle": "0s"}, "more than nothing"),
        ({"session_idle": "9h"}, "at most session_life"),
    ],
)
def test_nobody_signs_in_by_settings_that_are_not_safe(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate({**ISSUER, **changes})


def test_on_one_machine_people_sign_in_without_tls() -> None:
    local = {"login_issuer": "http://127.0.0.1:5556", "api_url": "http://localhost:8080"}

    assert Settings.model_validate({**ISSUER, **local}).login_issuer == "http://127.0.0.1:5556"


@pytest.mark.parametrize("text", ["10.0.3.7/8", "proxy", "10.0.3.7,", "10.0.3.7; 10.0.3.8"])
def test_what_is_no_network_of_a_proxy_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="is no network: write 10"):
        Settings.model_validate({"api_proxy_from": text})


@pytest.mark.parametrize("text", ["0/2", "3/2", "x", "1/0", "1/65", "", "2", "-1/2", "1/2/3", "auto/0"])
def test_what_is_no_shard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match=r"write 1/2|shards are numbered from 1|there may be 1 to 64 shards"):
        Settings.model_validate({"shard": text})


def test_shards_are_not_without_leases() -> None:
    with pytest.raises(ValidationError, match="shards agree by Leases about who writes"):
        Settings.model_validate({"shard": "1/2", "elect": False})


@pytest.mark.parametrize("text", ["prometheus:9090", "ftp://prometheus", "http://", "http:/prometheus"])
def test_what_is_no_url_of_a_metrics_server_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="write http://"):
        Settings.model_validate({"prometheus_url": text})


@pytest.mark.parametrize(
    ("text", "message"), [("", "fits no listener"), (".*_(8080", "is no regular expression")], ids=["empty", "broken"]
)
def test_what_could_fit_no_inbound_listener_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate({"mesh_inbound": text})


def test_an_unknown_log_level_is_told_which_there_are() -> None:
    with pytest.raises(ValidationError, match="'verbose' is none of debug, info, warning, error"):
        Settings.model_validate({"log_level": "verbose"})


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"log_format": "xml"}, {"prometheus_mesh": "consul"}, {"nonsense": 1}]
)
def test_a_wrong_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_a_password_does_not_show() -> None:
    settings = Settings.model_validate({"prometheus_password": "hunter2"})

    assert "hunter2" not in repr(settings)
