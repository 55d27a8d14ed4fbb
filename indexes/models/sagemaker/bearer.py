"""SageMaker's OpenAI-compatible route: `…/endpoints/NAME/openai/v1/chat/completions`.

It is called with a bearer token instead of a signed request. A token is a presigned URL of the
action `CallWithBearerToken`, valid for at most twelve hours and no longer than the credentials
that signed it (`sagemaker.core.token_generator` makes the same ones, but takes nine seconds to
import). Signing takes no call, so tokens are made anew every few minutes, from whatever the
credentials are by then.

The caller needs `sagemaker:CallWithBearerToken` beside `sagemaker:InvokeEndpoint*`. Source:
SageMaker's developer guide, "Invoke endpoints with OpenAI-compatible APIs".
"""

import base64
import json
import os
import re
import ssl
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from indexes.models.sagemaker.target import Target

LONGEST_SECONDS = 12 * 3600
RENEWED_AFTER_SECONDS = 300.0
_SERVICE = "sagemaker"
_PREFIX = "sagemaker-api-key-"
# OpenAI's codes for what SageMaker's own operations call otherwise.
_CODES = {
    401: "ExpiredTokenException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "InternalFailure",
    503: "ServiceUnavailable",
}
_JSON = "application/json"
_RECEIVED = re.compile(r"Received \w+ error \((\d{3})\) from \S+ with message \"(.*)\"", re.DOTALL)


def bearer_token(session: Any, seconds: int = LONGEST_SECONDS) -> str:
    """A token for a boto3 session's region, signed with its credentials of this moment.

    Args:
        session: a boto3 session.
        seconds: how long it is valid, 12 hours at most.

    Raises:
        NoRegionError, NoCredentialsError: botocore's.
    """
    if not session.region_name:
        raise NoRegionError
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    host = f"{_SERVICE}.amazonaws.com"
    request = AWSRequest(
        "POST",
        f"https://{host}/",
        headers={"host": host},
        params={"Action": "CallWithBearerToken"},
    )
    frozen = credentials.get_frozen_credentials()
    SigV4QueryAuth(frozen, _SERVICE, session.region_name, expires=seconds).add_auth(request)
    signed = f"{request.url.removeprefix('https://')}&Version=1"
    return _PREFIX + base64.b64encode(signed.encode()).decode()


class BearerClient:
    """Replaces boto3's runtime client for calls over the OpenAI-compatible route."""

    def __init__(self, session: Any, target: Target) -> None:
        self._session = session
        base = target.endpoint_url or self._address()
        path = f"/endpoints/{quote(target.endpoint_name, safe='')}"
        if target.inference_component:
            path += f"/inference-components/{quote(target.inference_component, safe='')}"
        self._url = f"{base.rstrip('/')}{path}/openai/v1/chat/completions"
        self._http = httpx.Client(
            timeout=httpx.Timeout(target.read_seconds, connect=target.connect_seconds),
            limits=httpx.Limits(max_connections=target.at_once),
            verify=_tls(target.ca_bundle),
        )
        weakref.finalize(self, self._http.close)
        self._lock = threading.Lock()
        self._token = ""
        self._made = 0.0

    def invoke_endpoint(self, *, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        """As boto3's."""
        return {"Body": _Answer(self._send(Body))}

    def invoke_endpoint_with_response_stream(
        self,
        *,
        Body: bytes,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        """As boto3's, with server-sent events as the container writes them."""
        return {"Body": _Answer(self._send(Body))}

    def _address(self) -> str:
        client = self._session.client("sagemaker-runtime")
        return str(client.meta.endpoint_url)

    def _send(self, body: bytes) -> httpx.Response:
        request = self._http.build_request(
            "POST",
            self._url,
            content=body,
            headers={"Authorization": f"Bearer {self._current()}", "Content-Type": _JSON},
        )
        with _transport(self._url):
            response = self._http.send(request, stream=True)
            if response.is_success:
                return response
            try:
                said = response.read()
            finally:
                response.close()
        if response.status_code == 401:
            self._made = 0.0
        raise _error(response.status_code, said)

    def _current(self) -> str:
        with self._lock:
            now = time.monotonic()
            if not self._token or now - self._made > RENEWED_AFTER_SECONDS:
                self._token, self._made = bearer_token(self._session), now
            return self._token


class _Answer:
    """A body in the two ways that boto3's are read: in pieces, or as events."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._parts = response.iter_bytes()

    def read(self, _: int | None = None) -> bytes:
        with _transport(str(self._response.url)):
            return next(self._parts, b"")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while part := self.read():
            yield {"PayloadPart": {"Bytes": part}}

    def close(self) -> None:
        self._response.close()


@contextmanager
def _transport(url: str) -> Iterator[None]:
    """The transport's failures as botocore's, which the rest knows."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise ConnectTimeoutError(endpoint_url=url, error=error) from error
    except httpx.TimeoutException as error:
        raise ReadTimeoutError(endpoint_url=url, error=error) from error
    except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
        raise EndpointConnectionError(endpoint_url=url, error=error) from error
    except httpx.HTTPError as error:
        raise ResponseStreamingError(error=error) from error


def _error(status: int, body: bytes) -> ClientError:
    """A refusal in OpenAI's form as one in that of `InvokeEndpoint`."""
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    said = said.get("error", said) if isinstance(said, dict) else {}
    said = said if isinstance(said, dict) else {"message": said}
    message = str(said.get("message") or said.get("Message") or body[:300].decode(errors="replace"))
    response: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": status}}
    if said.get("code") == "validation_error":
        code = "ValidationError"
    elif status in _CODES:
        code = _CODES[status]
    else:
        code = "ModelError"
        received = _RECEIVED.search(message)
        response["OriginalStatusCode"] = int(received[1]) if received else status
        response["OriginalMessage"] = received[2] if received else message
    response["Error"] = {"Code": code, "Message": message}
    return ClientError(response, "InvokeEndpoint")


def _tls(ca_bundle: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_bundle or os.environ.get("AWS_CA_BUNDLE"))
