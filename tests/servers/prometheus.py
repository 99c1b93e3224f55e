"""How does a real Prometheus scrape what a test starts, and answer what it asks?"""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.servers import build
from tests.servers.process import Process, ServerFailedError, eventually, free_port

INTERVAL_S = 1
# Stock Envoy's stand-in for Istio's metrics (tests/servers/standin.py) has a prefix too many, and says about a workload
# in one label what Istio says in several: NAME;NAMESPACE;CANONICAL NAME;CANONICAL REVISION;CLUSTER.
WORKLOAD = ("destination_workload", "destination_workload_namespace", "destination_app", "destination_version")
RELABEL = [
    {"source_labels": ["__name__"], "regex": "envoy_(istio_.+)", "target_label": "__name__"},
    *(
        {
            "source_labels": ["destination_workload_id"],
            "regex": "([^;]*);([^;]*);([^;]*);([^;]*);.*",
            "target_label": label,
            "replacement": f"${{{number}}}",
        }
        for number, label in enumerate(WORKLOAD, 1)
    ),
    *(
        {"source_labels": [old], "regex": regex, "target_label": new}
        for old, regex, new in (
            ("destination_app", "(.+)", "destination_canonical_service"),
            ("destination_version", "(.+)", "destination_canonical_revision"),
            ("destination_service", r"([^.]+)\..*", "destination_service_name"),
            ("destination_service", r"[^.]+\.([^.]+)\..*", "destination_service_namespace"),
            ("source_principal", "spiffe://[^/]+/ns/[^/]+/sa/(.+)", "source_workload"),
            ("source_principal", "spiffe://[^/]+/ns/([^/]+)/sa/.+", "source_workload_namespace"),
        )
    ),
    {"regex": "destination_workload_id", "action": "labeldrop"},
]


class Prometheus:
    """Prometheus on loopback with a scrape interval of one second; targets come and go while it runs.

    most_samples: that one query may read at once; the default is Prometheus' own.
    """

    def __init__(self, directory: Path, *, most_samples: int = 50_000_000) -> None:
        self._directory = directory
        self._most_samples = most_samples
        self._process = Process("prometheus", directory / "prometheus.log")
        self._targets: dict[str, dict[str, Any]] = {}
        self._writing = Lock()  # proxies report from threads of their own
        self._port = 0

    @property
    def url(self) -> str:
        """The HTTP API."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Return when it is ready; the port stays the same over restarts."""
        self._port = self._port or free_port()
        self._write_targets()
        config = self._directory / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config()))
        flags = [
            f"--config.file={config}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            f"--query.max-samples={self._most_samples}",
            "--log.level=warn",
        ]
        self._process.start([str(build.prometheus()), *flags], self._directory)
        self._process.wait_ready(self._is_ready)

    def stop(self) -> None:
        """Kill it; what it has scraped stays."""
        self._process.stop()

    def freeze(self) -> None:
        """Accept connections but answer nothing until `thaw`."""
        self._process.freeze()

    def thaw(self) -> None:
        """Answer again."""
        self._process.thaw()

    def scrape(self, job: str, url: str, **labels: str) -> None:
        """Scrape `url` from now on; return after the first success."""
        self.add(job, url, **labels)
        if not eventually(lambda: self.value(f'up{{job="{job}"}}') == 1.0, 20.0):
            raise ServerFailedError(
                f"Prometheus did not scrape {url} in 20 s; its log ends:\n{self._process.last_words()}"
            )

    def add(self, job: str, url: str, **labels: str) -> None:
        """Scrape `url` from now on, without waiting for it."""
        parts = urlsplit(url)
        own = {"job": job, "__metrics_path__": parts.path or "/metrics", **labels}
        self._targets[job] = {"targets": [parts.netloc], "labels": own}
        self._write_targets()

    def forget(self, job: str) -> None:
        """Scrape that job no more."""
        self._targets.pop(job, None)
        self._write_targets()

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        wanted = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(wanted, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def value(self, promql: str) -> float | None:
        """The only value of an instant query; None when it has no series."""
        found = self.query(promql)
        return float(found[0]["value"][1]) if found else None

    def _config(self) -> dict[str, Any]:
        discovery = {"files": [str(self._targets_file)], "refresh_interval": "1s"}
        job = {"job_name": "tests", "file_sd_configs": [discovery], "metric_relabel_configs": RELABEL}
        times = {"scrape_interval": f"{INTERVAL_S}s", "scrape_timeout": f"{INTERVAL_S}s"}
        return {"global": times, "scrape_configs": [job]}

    @property
    def _targets_file(self) -> Path:
        return self._directory / "targets.json"

    def _write_targets(self) -> None:
        with self._writing:
            draft = self._directory / "targets.draft"
            draft.write_text(json.dumps(list(self._targets.values())))
            draft.rename(self._targets_file)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
