"""How is the metrics server reached that the settings name?"""

from adapters.metrics.access import PrometheusAccess
from rollout.settings import Settings


def access(settings: Settings) -> PrometheusAccess:
    """Where Prometheus is, as whom it is asked, and within which bounds."""
    return PrometheusAccess(
        url=settings.prometheus_url,
        mesh=settings.prometheus_mesh.value,
        deadline=settings.prometheus_timeout,
        bearer_file=settings.prometheus_bearer_file,
        username=settings.prometheus_username,
        password=settings.prometheus_password.get_secret_value(),
        ca_file=settings.prometheus_ca_file,
        certificate_file=settings.prometheus_cert_file,
        key_file=settings.prometheus_key_file,
        headers=tuple(sorted(settings.prometheus_headers.items())),
    )
