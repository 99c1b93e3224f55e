"""How does a machine get the browser in which the dashboard is tested, and what judges whether everybody can use it?"""

import base64
import hashlib
import shutil
import tarfile
from pathlib import Path

from tests.servers.missing import ServerMissingError
from tests.servers.obtaining import cache, installed, on_path, once, succeeds

AXE = "4.14.1"
# What the registry says of this version (`npm view axe-core@4.14.1 dist.integrity`): another file is not run.
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
GET_AXE = "install npm (apt-get install npm) and let it reach its registry"
NAMES = ("chromium", "chromium-browser", "google-chrome")


def browser() -> Path:
    """Chromium from PATH, else Debian's, which root installs, with a font: without one it draws no text."""
    for name in NAMES:
        if found := on_path(name):
            return found
    return installed("chromium", "chromium", "fonts-liberation")


def axe() -> Path:
    """The script of axe-core, which finds what keeps people out of a page; from npm, as its hash says."""
    return once(cache() / f"axe-core-{AXE}" / "package" / "axe.min.js", _fetch_axe)


def _fetch_axe(draft: Path) -> None:
    if not shutil.which("npm") or not succeeds(["npm", "pack", "--silent", f"axe-core@{AXE}"], draft):
        raise ServerMissingError("axe-core", GET_AXE)
    package = draft / f"axe-core-{AXE}.tgz"
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != AXE_SHA512:
        raise ServerMissingError("axe-core", f"what npm fetched is not {AXE}: its SHA-512 is {found}; {GET_AXE}")
    with tarfile.open(package) as archive:
        archive.extract("package/axe.min.js", draft, filter="data")
    package.unlink()
