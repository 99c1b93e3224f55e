"""Was this body signed by somebody who knows the secret?"""

import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "sha256="
# Header by which each kind of git host signs: GitHub and Gitea (and Bitbucket Data Center under its older name).
HEADERS = ("x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature", "x-hub-signature")


def is_signed(body: bytes, headers: Mapping[str, str], secret: bytes) -> bool:
    """Whether one of HEADERS holds the HMAC-SHA256 of the raw body in hex; compared in constant time.

    headers: names in lower case. SHA-1 signatures count as none. An empty secret signs nothing.
    """
    if not secret:
        return False
    wanted = hmac.new(secret, body, hashlib.sha256).hexdigest()
    found = [headers[name].removeprefix(PREFIX) for name in HEADERS if name in headers]
    return any(hmac.compare_digest(wanted.encode(), given.encode()) for given in found)
