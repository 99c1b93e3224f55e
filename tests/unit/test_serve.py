"""How does `rollout serve` end when its settings are wrong, or when it cannot begin?"""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from rollout.cli.main import main

NOBODY = """
apiVersion: v1
kind: Config
current-context: nobody
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
clusters: [{name: nobody, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
"""


def served(*flags: str) -> tuple[int, str]:
    """Exit code and stderr of a `serve` that does not come to run; what click does not translate is raised."""
    result = CliRunner().invoke(main, ["serve", *flags])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--api-listen=8080", "api_listen: "),
        ("--prometheus-url=prometheus", "prometheus_url: "),
        ("--workers=0", "workers: "),
        ("--log-level=verbose", "log_level: "),
    ],
)
def test_a_wrong_setting_is_named_with_exit_code_2(flag: str, said: str) -> None:
    code, told = served(flag)

    assert code == 2
    assert said in told


def test_an_address_that_is_taken_is_exit_code_20(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOBODY)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = served(f"--kubeconfig={kubeconfig}", f"--metrics-listen=127.0.0.1:{taken.getsockname()[1]}")

    assert code == 20
    assert "cannot listen" in told


def test_a_kubeconfig_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    code, told = served(f"--kubeconfig={tmp_path / 'nothing'}")

    assert code == 20
    assert "nothing" in told
