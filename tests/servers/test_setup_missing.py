"""Does a missing server say how to get it, and is a present one made only once?"""

from pathlib import Path

import pytest

from tests.servers import build, chromium, obtaining
from tests.servers.crds import rewritten
from tests.servers.missing import ServerMissingError, advice, obtained


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing on PATH and nothing in the cache; the value is its cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rollout-tests"


def absent() -> None:
    """A server that cannot be had."""
    raise ServerMissingError("etcd", "install it")


@pytest.mark.parametrize(
    "get", [lambda: build.built(build.KUBE), build.module_folders, build.prometheus, chromium.browser, chromium.axe]
)
@pytest.mark.usefixtures("bare_machine")
def test_a_bare_machine_is_told_what_to_install(get: object) -> None:
    assert callable(get)

    with pytest.raises(ServerMissingError, match="install"):
        get()


def test_a_server_on_path_is_used_first(monkeypatch: pytest.MonkeyPatch, bare_machine: Path, tmp_path: Path) -> None:
    program = tmp_path / "prometheus"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert build.prometheus() == program


def test_the_folder_of_kubebuilder_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("assets", "bin"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "etcd").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    assert obtaining.on_path("etcd") == tmp_path / "assets" / "etcd"


def test_a_server_is_made_once(bare_machine: Path) -> None:
    made: list[Path] = []

    def make(draft: Path) -> None:
        made.append(draft)
        (draft / "server").touch()

    for _ in range(2):
        obtaining.once(bare_machine / "server-1" / "server", make)

    assert len(made) == 1


def test_a_failed_build_leaves_nothing_that_looks_finished(bare_machine: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "server").touch()
        absent()

    with pytest.raises(ServerMissingError):
        obtaining.once(bare_machine / "server-1" / "server", fail)

    assert [path.name for path in bare_machine.iterdir() if path.suffix != ".lock"] == []


def test_a_missing_server_skips_the_test_on_a_persons_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="etcd -- install it"):
        obtained(absent)


def test_a_missing_server_fails_the_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="etcd -- install it"):
        obtained(absent)


def test_a_run_names_each_missing_server_once() -> None:
    reasons = ["Skipped: no real server here: etcd -- install it"] * 2 + ["Skipped: not on this platform"]

    assert advice(reasons) == ["etcd -- install it"]


def test_smis_old_definition_keeps_its_schema_and_serves_three_versions() -> None:
    schema = {"properties": {"spec": {"type": "object"}}}
    versions = [{"name": f"v1alpha{n}", "served": n == 4, "storage": n == 4} for n in (1, 2, 3, 4)]
    spec = {"group": "split.smi-spec.io", "scope": "Namespaced", "names": {"kind": "TrafficSplit"}}
    old = {"metadata": {"name": "x"}, "spec": spec | {"versions": versions, "validation": {"openAPIV3Schema": schema}}}

    new = rewritten(old)["spec"]["versions"]

    assert [(found["name"], found["served"]) for found in new] == [
        ("v1alpha1", False),
        ("v1alpha2", True),
        ("v1alpha3", True),
        ("v1alpha4", True),
    ]
    assert all(found["schema"]["openAPIV3Schema"] == schema | {"type": "object"} for found in new)
