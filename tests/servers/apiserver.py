"""How does a real kube-apiserver run for tests, with which users, and what was asked of it?"""

import base64
import json
import secrets
import ssl
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from tests.servers import build, obtaining
from tests.servers.client import Kube, KubeError, Obj
from tests.servers.crds import FAMILIES, definitions, documents
from tests.servers.process import Process, ServerFailedError, eventually, free_port

LOOPBACK = "127.0.0.1"
ISSUER = "https://kubernetes.default.svc"
USERS = {
    "admin": "system:masters",
    "controller": "",
    "ana": "",
    "ben": "",
    "mia": "",
    "replica-0": "",
    "replica-1": "",
    "replica-2": "",
    "replica-3": "",
    "replica-4": "",
    "replica-5": "",
}  # user -> group; rights come by RBAC
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
READY_S = 60.0  # 2 s when idle; the rest is for a loaded machine


class ApiServer:
    """kube-apiserver with an etcd of its own, on loopback; its data is in `directory` and outlives a restart.

    bind, advertised: other than loopback only for proxies that must reach it by a pod address. more_flags: what this
    one is to do otherwise, such as to forget its history sooner.
    """

    def __init__(self, directory: Path, bind: str = LOOPBACK, advertised: str = LOOPBACK) -> None:
        self.directory = directory
        self.port = 0
        self.token = {user: secrets.token_hex(16) for user in USERS}
        self.more_flags: tuple[str, ...] = ()
        self._bind, self._advertised = bind, advertised
        self._server = Process("kube-apiserver", directory / "kube-apiserver.log")
        self._etcd = Process("etcd", directory / "etcd.log")  # idle when the binary brings its own
        self._etcd_url = ""

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"https://{self._advertised}:{self.port}"

    @property
    def ca(self) -> Path:
        """The certificate that clients trust."""
        return self.directory / "tls" / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """The key that signs service account tokens."""
        return self.directory / "sa.key"

    @property
    def audit_log(self) -> Path:
        """One JSON line for each stage of each request."""
        return self.directory / "audit.log"

    def start(self) -> None:
        """Return when it is ready; raises ServerMissingError where there is none to run."""
        command = self._command()
        self.port = self.port or free_port()
        self._write_files()
        self._server.start([*command, *self._flags()], self.directory)
        self._server.wait_ready(self._is_ready, READY_S)

    def stop(self) -> None:
        """Kill it, as a power cut would; the data stays."""
        self._server.stop()
        self._etcd.stop()

    def restart(self) -> None:
        """Come back on the same port with the same data; watches break, tokens stay."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Accept connections but answer nothing until `thaw`."""
        self._server.freeze()

    def thaw(self) -> None:
        """Answer again."""
        self._server.thaw()

    def client(self, user: str = "admin") -> Kube:
        """A synchronous client with the rights of `user`."""
        return Kube(self.url, self.ca, self.token[user])

    def kubeconfig(self, user: str = "admin", namespace: str = "default") -> Path:
        """A kubeconfig file for `user`."""
        trusted = base64.b64encode(self.ca.read_bytes()).decode()
        context = {"cluster": "tests", "user": user, "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {"server": self.url, "certificate-authority-data": trusted}}],
            "users": [{"name": user, "user": {"token": self.token[user]}}],
            "contexts": [{"name": "tests", "context": context}],
        }
        path = self.directory / f"{user}-{namespace}.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        return path

    def install_crds(self, families: Iterable[str] = FAMILIES) -> None:
        """Upstream's CRDs of istio, gateway-api and smi; return when all of them are served."""
        self._install(definitions(families))

    def install_files(self, paths: Iterable[Path]) -> None:
        """The CRDs of YAML files; return when all of them are served."""
        self._install([crd for path in paths for crd in documents(path)])

    def audit_mark(self) -> int:
        """This moment, for `audit_counts`."""
        return self.audit_log.stat().st_size

    def audit_counts(self, user: str, since: int = 0) -> Counter[tuple[str, str]]:
        """Requests of `user` since a mark, by (verb, resource); status writes are e.g. `deployments/status`."""
        with self.audit_log.open("rb") as log:
            log.seek(since)
            events = [json.loads(line) for line in log.read().splitlines()]
        own = {event["auditID"]: event for event in events if event["user"]["username"] == user}
        return Counter((event["verb"], _resource(event)) for event in own.values())

    def _install(self, wanted: Sequence[Obj]) -> None:
        admin = self.client()
        admin.apply(*wanted)
        names = {crd["metadata"]["name"] for crd in wanted}
        if not eventually(lambda: names <= _established(admin), 30.0):
            raise ServerFailedError(f"not established after 30 s: {sorted(names - _established(admin))}")

    def _command(self) -> list[str]:
        server, etcd = obtaining.on_path("kube-apiserver"), obtaining.on_path("etcd")
        if server is None or etcd is None:
            return [str(build.built(build.KUBE)), "apiserver", f"--etcd-data={self.directory / 'etcd'}"]
        self._start_etcd(etcd)
        return [str(server), f"--etcd-servers={self._etcd_url}"]

    def _start_etcd(self, program: Path) -> None:
        self._etcd_url = self._etcd_url or f"http://{LOOPBACK}:{free_port()}"
        peers = f"http://{LOOPBACK}:{free_port()}"
        flags = [f"--data-dir={self.directory / 'etcd'}", "--unsafe-no-fsync", "--log-level=error"]
        flags += [f"--listen-client-urls={self._etcd_url}", f"--advertise-client-urls={self._etcd_url}"]
        flags += [f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"]
        self._etcd.start([str(program), *flags, f"--initial-cluster=default={peers}"], self.directory)

    def _write_files(self) -> None:
        if not self.signing_key.exists():
            self.signing_key.write_text(_signing_key())
        lines = [f'{self.token[user]},{user},{user},"{group}"\n' for user, group in USERS.items()]
        (self.directory / "tokens.csv").write_text("".join(lines))
        (self.directory / "audit.yaml").write_text(json.dumps(AUDIT_POLICY))

    def _flags(self) -> list[str]:
        here = self.directory
        return [
            f"--secure-port={self.port}",
            f"--bind-address={self._bind}",
            f"--advertise-address={self._advertised}",
            f"--cert-dir={here / 'tls'}",
            f"--service-account-key-file={self.signing_key}",
            f"--service-account-signing-key-file={self.signing_key}",
            f"--service-account-issuer={ISSUER}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={here / 'tokens.csv'}",
            "--service-cluster-ip-range=10.78.0.0/20",
            "--disable-admission-plugins=ServiceAccount",  # it wants a controller to make the accounts first
            "--endpoint-reconciler-type=none",  # it refuses to publish a loopback address
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=4096",  # MB: a mark means nothing in a log that was begun anew, as it is at 100 MB
            f"--audit-policy-file={here / 'audit.yaml'}",
            *self.more_flags,
        ]

    def _is_ready(self) -> bool:
        if not self.ca.exists():
            return False
        try:
            return bool(self.client().get("/readyz")["text"] == "ok")
        except (KubeError, ssl.SSLError):  # it writes its certificate in two steps
            return False


def _resource(event: dict[str, dict[str, str]]) -> str:
    reference = event.get("objectRef", {})
    parts = [reference.get("resource", ""), reference.get("subresource", "")]
    return "/".join(part for part in parts if part) or str(event["requestURI"]).split("?")[0]


def _established(client: Kube) -> set[str]:
    crds = client.items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    return {
        crd["metadata"]["name"]
        for crd in crds
        for condition in crd.get("status", {}).get("conditions") or ()
        if condition["type"] == "Established" and condition["status"] == "True"
    }


def _signing_key() -> str:
    """A new P-256 key in SEC 1 form (RFC 5915); the public half is left out, readers compute it."""
    head, curve = bytes.fromhex("30310201010420"), bytes.fromhex("a00a06082a8648ce3d030107")
    text = base64.encodebytes(head + secrets.token_bytes(32) + curve).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"
