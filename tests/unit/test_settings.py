"""Is every setting read from the environment, and a wrong one refused?"""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from rollout.settings import Settings


def test_the_api_is_bound_to_this_host_until_told_otherwise() -> None:
    settings = Settings()

    assert settings.api_listen.startswith("127.0.0.1:")
    assert settings.webhooks_listen == ""


def test_the_environment_sets_what_flags_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_PROMETHEUS_URL", "http://prometheus:9090")
    monkeypatch.setenv("ROLLOUT_PROMETHEUS_TIMEOUT", "PT3S")
    monkeypatch.setenv("ROLLOUT_PROMETHEUS_HEADERS", '{"X-Scope-OrgID": "shop"}')

    settings = Settings()

    assert settings.prometheus_url == "http://prometheus:9090"
    assert settings.prometheus_timeout == timedelta(seconds=3)
    assert settings.prometheus_headers == {"X-Scope-OrgID": "shop"}


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"log_format": "xml"}, {"prometheus_mesh": "consul"}, {"nonsense": 1}]
)
def test_a_wrong_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_webhooks_are_not_listened_to_without_a_secret() -> None:
    with pytest.raises(ValidationError, match="webhooks_secret_file"):
        Settings.model_validate({"webhooks_listen": "0.0.0.0:9000"})


def test_a_password_does_not_show() -> None:
    settings = Settings.model_validate({"prometheus_password": "hunter2"})

    assert "hunter2" not in repr(settings)
