"""The authorities that certificates are checked against, read once; and the way to a server.

Reading them takes longer (50 ms) than a call to a server nearby.
"""

import os
import ssl
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import SplitResult

from indexes.errors import SettingsError

# This machine, to which no proxy leads.
HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - not listened on


def proxy_of(url: SplitResult) -> str | None:
    """Return the proxy that the environment names for a server; None where there is none."""
    host = url.hostname or ""
    if host in HERE or any(map(urllib.request.proxy_bypass, (host, url.netloc))):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def public_authorities() -> ssl.SSLContext:
    """Return the context of clients that trust the public authorities, or the environment's.

    It is shared: a client that trusts others, or shows a certificate, makes a context of its own.
    """
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def authorities(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return the context of clients that trust a file's or folder's authorities, too.

    Raises:
        SettingsError: there are none in it
    """
    import httpx

    if ca_bundle is None:
        return public_authorities()
    context = httpx.create_ssl_context()
    try:
        if ca_bundle.is_dir():
            context.load_verify_locations(capath=ca_bundle)
        else:
            context.load_verify_locations(cafile=ca_bundle)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"setting ca_bundle (environment RAG_CA_BUNDLE): {ca_bundle} has no "
            f"certificates in PEM format that can be read ({error}): name such a file"
        ) from error
    return context


@cache
def _read(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Read those that httpx finds by these two variables."""
    import httpx

    return httpx.create_ssl_context()
