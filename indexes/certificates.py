"""The authorities that certificates are checked against, read once.

Reading them takes longer (50 ms) than a call to a server nearby.
"""

import os
import ssl
from functools import cache
from pathlib import Path

from indexes.errors import SettingsError


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
