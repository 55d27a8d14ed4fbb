"""JumpStart's models as SageMaker resources, made by AWS's own SDK, `sagemaker` 3.

The SDK is imported on first use only: that takes ten seconds, and fails without a region.
Four things it does unasked are kept from happening here: it creates an S3 bucket that
nothing is put into, reports each call to AWS as telemetry, asks for the caller's identity
to guess a role that is known, and logs and prints what it does.
"""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from indexes.errors import ModelError, RagError, SettingsError, masked
from indexes.models.sagemaker.endpoints.control import ControlPlane
from indexes.models.sagemaker.endpoints.plan import EndpointPlan, aws_tags
from indexes.models.sagemaker.failures import short


class Hosting(Protocol):
    """What makes the resources of an endpoint, all with the endpoint's name."""

    def prepare(self, endpoints: list[EndpointPlan], *, accept_eula: bool) -> None:
        """Check that these can be created; nothing is created yet."""

    def create_model(self, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
        """Create the model; one that is there already is taken."""

    def create_endpoint(self, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
        """Create config and endpoint, in this order, and don't wait."""


class JumpStart:
    """The real thing.

    Every method raises SettingsError or ModelError: one line with the fix.

    Args:
        plane: Where to.
        role: Name or ARN of the role that SageMaker takes on to run the containers; None
            for the caller's own, as on a SageMaker notebook.
    """

    def __init__(self, plane: ControlPlane, role: str | None = None) -> None:
        self._plane = plane
        self._role = role
        self._session: Any = None
        self._builders: dict[str, Any] = {}

    def prepare(self, endpoints: list[EndpointPlan], *, accept_eula: bool) -> None:
        """Check role, model ids, instance types and licences; nothing is created yet."""
        with self._sdk("preparing"):
            from sagemaker.core.helper.iam_role_resolver import resolve_and_validate_role

            self._session = self._make_session()
        with self._sdk("choosing the role that SageMaker runs the models in"):
            self._role = resolve_and_validate_role(
                provided_role=self._role, role_type="serving", sagemaker_session=self._session
            )
        for endpoint in endpoints:
            with self._sdk(f"looking {endpoint.model_id} up in JumpStart"):
                self._check(endpoint, accept_eula)
            with self._sdk(f"preparing {endpoint.model_id}"):
                self._builders[endpoint.name] = self._builder(endpoint, accept_eula)

    def create_model(self, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
        """Create the model, tagged; one that is there already is taken."""
        with self._sdk(f"creating the model {endpoint.name}"):
            _not_interrupted(
                self._builders[endpoint.name].build(model_name=endpoint.name, tags=aws_tags(tags))
            )

    def create_endpoint(self, endpoint: EndpointPlan, tags: dict[str, str]) -> None:
        """Create config and endpoint, tagged as the model is; don't wait."""
        del tags  # the builder keeps those of the model
        with self._sdk(f"creating the endpoint {endpoint.name}"):
            _not_interrupted(
                self._builders[endpoint.name].deploy(
                    endpoint_name=endpoint.name,
                    initial_instance_count=endpoint.instances,
                    wait=False,
                )
            )

    def _check(self, endpoint: EndpointPlan, accept_eula: bool) -> None:
        from sagemaker.core.jumpstart.accessors import JumpStartModelsAccessor
        from sagemaker.core.jumpstart.utils import get_eula_message

        region = self._plane.region
        specs = JumpStartModelsAccessor.get_model_specs(
            region=region,
            model_id=endpoint.model_id,
            version="*",
            s3_client=self._plane.session.client("s3"),
        )
        supported = specs.supported_inference_instance_types or []
        if supported and endpoint.instance_type not in supported:
            raise SettingsError(
                f"{endpoint.model_id} does not run on {endpoint.instance_type}: choose one of "
                f"{', '.join(supported)}"
            )
        if specs.hosting_eula_key and not accept_eula:
            where = re.search(r"https://\S+", get_eula_message(specs, region))
            raise SettingsError(
                f"{endpoint.model_id} has an end-user licence agreement"
                f"{f' ({where[0]})' if where else ''}: read it, then give --accept-eula if you "
                "accept it"
            )

    def _builder(self, endpoint: EndpointPlan, accept_eula: bool) -> Any:
        from sagemaker.core.jumpstart.configs import JumpStartConfig
        from sagemaker.core.training.configs import Compute
        from sagemaker.serve.model_builder import ModelBuilder

        return _not_interrupted(
            ModelBuilder.from_jumpstart_config(
                JumpStartConfig(model_id=endpoint.model_id, accept_eula=accept_eula),
                role_arn=self._role,
                compute=Compute(
                    instance_type=endpoint.instance_type, instance_count=endpoint.instances
                ),
                sagemaker_session=self._session,
            )
        )

    def _make_session(self) -> Any:
        from sagemaker.core.helper.session_helper import Session

        plane, jumpstart = self._plane, self

        class Quiet(Session):
            """The SDK's session, without a bucket and a guessed role."""

            def default_bucket(self) -> str:
                # Only a name in settings that JumpStart's models don't use.
                return f"sagemaker-{plane.region}-{plane.account}"

            def get_caller_identity_arn(self) -> Any:
                # Asked for as the default of a role, which we know.
                return jumpstart._role

        session = Quiet(boto_session=plane.session)
        config = session.sagemaker_config  # the user's own, if there is one
        config.setdefault("SchemaVersion", "1.0")
        modules = config.setdefault("SageMaker", {}).setdefault("PythonSDK", {})
        modules.setdefault("Modules", {})["TelemetryOptOut"] = True
        return session

    @contextmanager
    def _sdk(self, what: str) -> Iterator[None]:
        """Room for the SDK: its environment, its noise and its errors stay inside."""
        try:
            with _environment(self._plane), _quiet():
                yield
        except RagError:
            raise
        except ImportError as error:
            raise SettingsError(
                f"{what}: {short(error)}: install the extra sagemaker (docs/sagemaker.md)"
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise self._plane.explain(error, what) from error
        except Exception as error:
            raise self._failure(error, what) from error

    def _failure(self, error: Exception, what: str) -> RagError:
        said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        said = masked(said, self._plane.secrets())
        if type(error).__name__ == "RoleValidationError" or said.startswith("IAM role"):
            # First a sentence, then perhaps what is missing; the rest is how to do it in Python.
            lines = said.splitlines()
            missing = [line for line in lines if line.startswith("Missing permissions")]
            reason = "; ".join([re.split(r"\.(?= |$)", lines[0])[0], *missing])
            return SettingsError(
                f"{what}: {short(reason)}: give a role that SageMaker may use with --role or "
                "RAG_SAGEMAKER_EXECUTION_ROLE"
            )
        cause = error.__cause__ or error.__context__
        if isinstance(cause, BotoCoreError | ClientError):
            return self._plane.explain(cause, what)
        if isinstance(error, KeyError):
            return SettingsError(f"{what}: {short(said)}: give an id that JumpStart knows")
        return ModelError(f"{what}: {short(said)}: mend that, then run deploy again")


def _not_interrupted(result: Any) -> Any:
    """Pass on Ctrl-C: the SDK's telemetry wrapper returns from its `finally`, which loses it.

    What is left of an interrupted call is None, which none of these returns otherwise.
    """
    if result is None:
        raise KeyboardInterrupt
    return result


@contextmanager
def _environment(plane: ControlPlane) -> Iterator[None]:
    """The SDK makes sessions of its own at import: they must be for the same place."""
    wanted = {"AWS_DEFAULT_REGION": plane.region, "AWS_REGION": plane.region}
    if plane.profile:
        wanted["AWS_PROFILE"] = plane.profile
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers, disabled = root.level, list(root.handlers), root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
