"""A local stand-in for SageMaker's runtime: its protocol on loopback, models of this machine.

`InvokeEndpoint`, `InvokeEndpointWithResponseStream` and the OpenAI-compatible route, with
containers that take and answer what the real ones do, so that everything about SageMaker can
be developed and shown without an account or a bill:

    AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=http://127.0.0.1:8080

It checks that a request is signed, not by whom: any credentials will do. `containers` are what
endpoints hold, `models` what answers behind them, `service` is the protocol, `spoilt` what goes
wrong by a script, `serving` the server.
"""

from indexes.models.sagemaker.emulator.containers import Container, container_of
from indexes.models.sagemaker.emulator.models import ChatRequest, LocalModels, Models
from indexes.models.sagemaker.emulator.service import Emulator
from indexes.models.sagemaker.emulator.serving import Serving

__all__ = [
    "ChatRequest",
    "Container",
    "Emulator",
    "LocalModels",
    "Models",
    "Serving",
    "container_of",
]
