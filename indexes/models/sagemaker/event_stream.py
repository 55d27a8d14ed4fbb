"""AWS's binary event stream, as `InvokeEndpointWithResponseStream` answers it.

A message is its length (4 bytes), its headers' length (4), CRC-32 of these two (4), the
headers, the payload, and CRC-32 of all before (4); numbers are big-endian. botocore has a
reader only. Source: the AWS Common Runtime's description of `vnd.amazon.eventstream`.
"""

import json
import struct
from binascii import crc32

_STRING = 7


def payload_part(data: bytes) -> bytes:
    """A part of a container's answer as one message."""
    return message(
        {
            ":message-type": "event",
            ":event-type": "PayloadPart",
            ":content-type": "application/octet-stream",
        },
        data,
    )


def exception(kind: str, said: str, code: str = "") -> bytes:
    """A failure after the answer has begun: ModelStreamError or InternalStreamFailure."""
    return message(
        {
            ":message-type": "exception",
            ":exception-type": kind,
            ":content-type": "application/json",
        },
        json.dumps({"Message": said, "ErrorCode": code}).encode(),
    )


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message with string headers."""
    packed = b"".join(
        struct.pack("!B", len(name.encode()))
        + name.encode()
        + struct.pack("!BH", _STRING, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    body = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return body + struct.pack("!I", crc32(body))
