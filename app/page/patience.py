"""Connections that send the headers of a request too slowly, or none, are closed.

Bodies are `security`'s to count; until the headers have ended there is no request that it could
see. A server that waits for them forever runs out of connections.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_SECONDS_FOR_HEADERS = 20.0


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose patience with headers ends."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Someone has come: say something soon."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """However often there is a byte: the headers as a whole have to come in time."""
        super().data_received(data)
        unfinished = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if not unfinished:
            self._be_patient()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._be_patient()
        super().connection_lost(exc)

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.call_later(_SECONDS_FOR_HEADERS, self.transport.close)

    def _be_patient(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
