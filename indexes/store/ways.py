"""How a server is spoken to, as data: what speaks to one takes a tenth of a second to import."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ways:
    """How a server is spoken to.

    Attributes:
        timeout: seconds for one request
        prefer_grpc: gRPC for searches and points; REST for all else
        grpc_port: its port; by default the one after REST's
        retries: further tries of a request that failed for the moment
        ca: file of the authority that signed the server's certificate, if not a public one
        cert: file of our own certificate, where the server asks for one
        cert_key: file of its key
        compress: whether REST's answers are compressed; by default beyond the local network,
            for it costs both sides more time than it saves there
    """

    timeout: float = 60.0
    prefer_grpc: bool = False
    grpc_port: int | None = None
    retries: int = 5
    ca: Path | None = None
    cert: Path | None = None
    cert_key: Path | None = None
    compress: bool | None = None
