"""What SageMaker and its containers refuse, in their words."""

import json
from typing import Any

from starlette.responses import JSONResponse, Response

from indexes.models.sagemaker.faults import Fault, Kind

ACCOUNT = "000000000000"

# Status, code, and words where the fault script has none. Sources: `InvokeEndpoint`'s
# reference, what users quote, the containers' documentation.
_SERVICE: dict[Kind, tuple[int, str, str]] = {
    "throttle": (429, "ThrottlingException", ""),
    "internal": (500, "InternalFailure", ""),
    "unavailable": (503, "ServiceUnavailable", ""),
    "validation": (400, "ValidationError", ""),
    "denied": (403, "AccessDeniedException", ""),
    "asleep": (
        400,
        "ValidationError",
        "Inference Component has no capacity to process this request. ApplicationAutoScaling may "
        "be in-progress (if configured) or try to increase the capacity by invoking "
        "UpdateInferenceComponentRuntimeConfig API.",
    ),
    "needs_component": (
        400,
        "ValidationError",
        "Inference Component Name header is required for endpoints to which you plan to deploy "
        "inference components. Please include Inference Component Name header or consider using "
        "SageMaker models.",
    ),
    "asynchronous": (
        400,
        "ValidationError",
        "Endpoint of type ASYNC is not supported with InvokeEndpoint",
    ),
}
_CONTAINER: dict[Kind, tuple[int, str]] = {
    "model_error": (500, ""),
    "overloaded": (429, '{"error":"Model is overloaded","error_type":"Overloaded"}'),
    "too_long": (
        422,
        '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. '
        'Given: 5000 `inputs` tokens and 256 `max_new_tokens`","error_type":"validation"}',
    ),
}
UNSTREAMED = "Serverless endpoints do not support response streaming"


class RefusedError(Exception):
    """A refused request: HTTP's status, AWS's code, a message and further fields of the body."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more

    def response(self, *, openai: bool = False) -> Response:
        """As the service answers it: in its own form, or in OpenAI's."""
        if openai:
            code = {"ValidationError": "validation_error", "ModelError": "model_error"}.get(
                self.code, self.code
            )
            error = {"message": self.message, "type": "invalid_request_error", "code": code}
            return JSONResponse({"error": error}, self.status)
        body = {"__type": self.code, "Message": self.message, **self.more}
        return JSONResponse(body, self.status, headers={"x-amzn-ErrorType": self.code})


def refusal(fault: Fault) -> RefusedError | None:
    """What a fault refuses; None if it spoils the answer instead."""
    if fault.fault in _SERVICE:
        status, code, said = _SERVICE[fault.fault]
        return RefusedError(status, code, said or fault.message)
    if fault.fault in _CONTAINER:
        status, said = _CONTAINER[fault.fault]
        return container(said or fault.message, status)
    return None


def container(message: str | dict[str, Any], status: int) -> RefusedError:
    """A refusal by the container, as SageMaker hands it on."""
    said = message if isinstance(message, str) else json.dumps(message)
    whose = "client" if status < 500 else "server"
    return RefusedError(
        424,
        "ModelError",
        f'Received {whose} error ({status}) from primary with message "{said}"',
        OriginalStatusCode=status,
        OriginalMessage=said,
    )


def unknown(name: str) -> RefusedError:
    """There is no such endpoint, or not yet."""
    return RefusedError(400, "ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
