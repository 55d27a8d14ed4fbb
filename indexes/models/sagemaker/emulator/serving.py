"""An ASGI application on a port of loopback."""

import threading
from pathlib import Path
from typing import Any


class Serving:
    """An application on a port of loopback, in a thread, while the block lasts.

        with Serving(emulator.app) as address: …

    Args:
        app: ASGI application.
        port: 0 for any that is free.
        certificate: it and its key, as files, to speak TLS.
    """

    def __init__(
        self,
        app: Any,
        port: int = 0,
        host: str = "127.0.0.1",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        import uvicorn

        config = uvicorn.Config(
            app, host=host, port=port, log_level="critical", access_log=False, lifespan="off",
            backlog=2048,
        )  # fmt: skip
        self._scheme = "https" if certificate else "http"
        if certificate:
            config.ssl_certfile, config.ssl_keyfile = certificate
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise OSError("the port is taken")
            self._thread.join(0.01)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"{self._scheme}://{host}:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
