"""What AWS refuses, as one line that names the fix; no credential is ever in it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)

from indexes.errors import ModelError, RagError, SettingsError, masked
from indexes.models.sagemaker.failures import DENIED, UNKNOWN, RoleError, code_of, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REGION_FIX = "set RAG_SAGEMAKER_REGION or AWS_REGION, or give --sagemaker-region"
_SERVICES = {
    "GetRole": "iam",
    "SimulatePrincipalPolicy": "iam",
    "GetCallerIdentity": "sts",
    "GetObject": "s3",
    "HeadObject": "s3",
}
_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z*]+)")


@contextmanager
def explained(what: str, secrets: "Callable[[], Iterable[str]] | None" = None) -> Iterator[None]:
    """Turn what AWS raises in the block into a SettingsError or ModelError.

    Args:
        what: what is being done, like "creating the model m"
        secrets: returns texts to hide
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise explain(error, what, secrets() if secrets else ()) from error


def explain(error: Exception, what: str, secrets: "Iterable[str]" = ()) -> RagError:
    """The failure as one of our errors."""
    kind, message = _explanation(error)
    return kind(masked(" ".join(f"{what}: {message}".split()), secrets))


def is_missing(error: ClientError) -> bool:
    """Whether the service says that there is no such thing."""
    said = str(error.response.get("Error", {}).get("Message", ""))
    return code_of(error) in {"ValidationException", "ValidationError", "ResourceNotFound"} and (
        said.startswith("Could not find") or "does not exist" in said
    )


def is_denied(error: ClientError) -> bool:
    """Whether the caller lacks a permission."""
    return code_of(error) in DENIED


def _explanation(error: Exception) -> tuple[type[RagError], str]:
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(error, RoleError):
        return SettingsError, str(error)
    if isinstance(error, NoRegionError):
        return SettingsError, f"no AWS region: {REGION_FIX}"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return SettingsError, (
            "no AWS credentials: run `aws configure` or `aws sso login`, or set AWS_PROFILE "
            "or RAG_SAGEMAKER_PROFILE"
        )
    if isinstance(error, UnauthorizedSSOTokenError | SSOTokenLoadError):
        return SettingsError, "the login has expired: run `aws sso login`"
    if isinstance(error, ProfileNotFound):
        return SettingsError, f"{short(error)}: change RAG_SAGEMAKER_PROFILE or AWS_PROFILE"
    if isinstance(error, HTTPClientError):
        return ModelError, f"AWS cannot be reached ({short(error)}): check network and region"
    return ModelError, f"{short(error)}: check AWS's configuration, then run it again"


def _refusal(error: ClientError) -> tuple[type[RagError], str]:
    code, said = code_of(error), short(error.response.get("Error", {}).get("Message"))
    operation = error.operation_name
    if code in UNKNOWN:
        # Some of these messages repeat the signed request, a session token included.
        return SettingsError, f"AWS does not accept the credentials ({code}): log in again"
    if code == "ResourceLimitExceeded":
        return ModelError, (
            f"the account's quota does not allow it ({said}): ask for more under Service Quotas, "
            "Amazon SageMaker, '… for endpoint usage', then run deploy again, which goes on from "
            "here; or give another instance type"
        )
    if code in DENIED:
        found = _ACTION.search(said)
        action = found[1] if found else f"{_SERVICES.get(operation, 'sagemaker')}:{operation}"
        return ModelError, (
            f"AWS does not permit it ({said}): have {action} allowed for your user or role, "
            "then run it again"
        )
    if "Throttling" in code or code in {"TooManyRequestsException", "RequestLimitExceeded"}:
        return ModelError, f"AWS takes no more requests now ({said}): run it again in a minute"
    if "eula" in said.lower() or "licen" in said.lower():
        return SettingsError, f"its licence is to be accepted ({said}): read it, give --accept-eula"
    if "role" in said.lower() and "assume" in said.lower():
        return SettingsError, (
            f"SageMaker cannot take on the role ({said}): let its trust policy name "
            "sagemaker.amazonaws.com, or give another --role"
        )
    return ModelError, f"{operation} failed ({code}: {said}): mend that, then run it again"
