"""Where does the proxy wait for a client that says nothing, or catch what is not meant for it?"""

import re
from collections.abc import Iterator

from rollout.migration.preflight.check import Check, named
from rollout.migration.preflight.gathered import Gathered, Obj
from rollout.migration.preflight.protocols import PLAIN_HTTP, Spoken, is_external, spoken, tcp_ports
from rollout.migration.preflight.templates import WORKLOADS, Template, services, target
from rollout.model.migration import Finding, Severity

# Where the server speaks first: FTP, SSH, Telnet, SMTP, POP3, IMAP, submission, rsync, MySQL, Galera, NATS, VNC. Others that
# are often named with them (PostgreSQL, Redis, memcached, Elasticsearch) begin with the client, and NATS's 8222 is HTTP.
SERVER_FIRST = frozenset({21, 22, 23, 25, 110, 143, 587, 873, 3306, 4222, 4444, 4567, 4568, 5900, 6222})
# Words in the names of images whose servers speak first.
IMAGES = frozenset(
    {
        "mysql",
        "mariadb",
        "percona",
        "galera",
        "nats",
        "postfix",
        "exim",
        "dovecot",
        "openssh",
        "sshd",
        "vsftpd",
        "proftpd",
    }
)


def server_first(gathered: Gathered) -> Iterator[Finding]:
    """Ports on which the server speaks first and that are not declared as TCP or TLS."""
    for service, pods in services(gathered):
        for path, port in tcp_ports(service):
            sign = _sign(port, pods)
            if sign is not None and not is_external(service):
                yield Finding(
                    check="SRVFIRST-01",
                    severity=Severity.BLOCK,
                    object=named("Service", service),
                    field=f"{path}.appProtocol",
                    why=f"{sign}, and the port says {spoken(port)}: the proxy waits for a client that waits for the server",
                    fix="set appProtocol: tcp (or http, if it is that)",
                )


def _sign(port: Obj, pods: tuple[Template, ...]) -> str | None:
    """Why the server is taken to speak first; None when it is not, or when Istio knows.

    An image alone is no proof against a port that is declared as HTTP.
    """
    said = spoken(port)
    if said is not Spoken.SNIFFED and said not in PLAIN_HTTP:
        return None
    for number in (int(port["port"]), *(target(port, one) for one in pods)):
        if number in SERVER_FIRST:
            return f"on port {number} the server usually speaks first"
    if said in PLAIN_HTTP:
        return None
    images = (_image(one, target(port, one)) for one in pods)
    return next((f"the server of image {image} speaks first" for image in images if image), None)


def _image(one: Template, number: int | None) -> str:
    """The image behind the port, if its servers speak first: of the container that declares it, or of the only one."""
    containers = [container for _, container in one.applications()]
    declaring = [each for each in containers if number in {port["containerPort"] for port in each.get("ports") or ()}]
    for container in declaring or (containers if len(containers) == 1 else ()):
        name = str(container.get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0]
        words = set(re.split(r"[-_.]", name.lower()))
        if words & IMAGES and "exporter" not in words:
            return name
    return ""


def external_names(gathered: Gathered) -> Iterator[Finding]:
    """ExternalName Services whose ports catch what goes elsewhere."""
    for service in gathered.here("Service"):
        for path, port in tcp_ports(service):
            if is_external(service) and spoken(port) in (Spoken.TCP, Spoken.SNIFFED):
                yield Finding(
                    check="EXTNAME-01",
                    severity=Severity.WARN,
                    object=named("Service", service),
                    field=path,
                    why=f"without HTTP or TLS in its name, all that goes to any port {port['port']} elsewhere may land there",
                    fix="say http or tls in the port's name, or write a ServiceEntry instead",
                )


GUESSING = (
    Check(
        id="SRVFIRST-01",
        title="where the server speaks first, the port says so",
        severity=Severity.BLOCK,
        reads=("Service", *WORKLOADS),
        find=server_first,
    ),
    Check(
        id="EXTNAME-01",
        title="names for other hosts do not catch foreign traffic",
        severity=Severity.WARN,
        reads=("Service",),
        find=external_names,
    ),
)
