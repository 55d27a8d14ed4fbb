"""The authorities that certificates are checked against, read once.

Reading them takes longer (50 ms) than a call to a server nearby.
"""

import os
import ssl
from functools import cache


def public_authorities() -> ssl.SSLContext:
    """Return the context of clients that trust the public authorities, or the environment's.

    It is shared: a client that trusts others, or shows a certificate, makes a context of its own.
    """
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _read(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Read those that httpx finds by these two variables."""
    import httpx

    return httpx.create_ssl_context()
