"""AWS's credentials: where they come from, and how they stay out of sight."""

import logging
import os
import re
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from indexes.errors import masked
from indexes.models.sagemaker.failures import RoleError, short

# Loggers of botocore that write requests and answers, credentials among them, at DEBUG.
_LOGGERS = ("auth", "endpoint", "hooks", "parsers", "httpsession", "client", "credentials")
# AWS's have 16 characters and more. A stand-in takes any, and hiding "local" would hide a
# part of "localhost".
_SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Keys:
    """Credentials given in person instead of AWS's usual chain. Never pickled or shown."""

    access_key_id: SecretStr
    secret_access_key: SecretStr
    session_token: SecretStr | None = None

    @classmethod
    def of(cls, access: str | None, secret: str | None, token: str | None) -> "Keys | None":
        """Credentials, if they were given."""
        if not access or not secret:
            return None
        return cls(SecretStr(access), SecretStr(secret), SecretStr(token) if token else None)


def aws_session(
    region: str | None, profile: str | None, role: str | None, keys: Keys | None = None
) -> Any:
    """A boto3 session from AWS's usual chain, in another role where one is given.

    Raises:
        RoleError: the role cannot be taken on.
        botocore's errors, where the profile cannot be used.
    """
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    _silence()
    given: dict[str, Any] = {}
    if keys is not None:
        token = keys.session_token
        given = {
            "aws_access_key_id": keys.access_key_id.get_secret_value(),
            "aws_secret_access_key": keys.secret_access_key.get_secret_value(),
            "aws_session_token": token.get_secret_value() if token else None,
        }
    # boto3 knows AWS_DEFAULT_REGION only; AWS's other tools go by AWS_REGION.
    if not region and "AWS_DEFAULT_REGION" not in os.environ:
        region = os.environ.get("AWS_REGION")
    session = boto3.Session(botocore_session=_core(profile), region_name=region, **given)
    secrets_of(session)  # known from here on, so that no log shows them
    if role is None:
        return session
    source = session.get_credentials()
    core = _core()
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session.client, source_credentials=source, role_arn=role
    )
    taken_on = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    try:
        taken_on.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        reason = short(masked(str(error), secrets_of(session)))
        raise RoleError(role=role, reason=reason) from error
    core._credentials = taken_on
    session = boto3.Session(botocore_session=core, region_name=session.region_name)
    secrets_of(session)
    return session


def _core(profile: str | None = None) -> Any:
    """A session of botocore's that shares the descriptions of AWS's services with the others.

    They are megabytes of JSON; a session that reads them for itself takes five times as long.
    Botocore's own handlers of events are copied, for registering them takes long, too.
    """
    import botocore.session

    core = botocore.session.Session(
        profile=profile, event_hooks=copy(_handlers()), include_builtin_handlers=False
    )
    loader = _loader(core.get_config_variable("data_path"))
    # boto3 adds its own folder for every session that it makes.
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)
    core.register_component("data_loader", loader)
    return core


@cache
def _handlers() -> Any:
    from botocore.hooks import HierarchicalEmitter
    from botocore.session import Session

    handlers = HierarchicalEmitter()
    Session(event_hooks=handlers)  # which registers them
    return handlers


@cache
def _loader(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def secrets_of(session: Any) -> list[str]:
    """What of a session's credentials must appear nowhere; from now on not in logs either."""
    try:
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except (BotoCoreError, ClientError):
        return []
    secrets = [secret for secret in frozen or () if secret and len(secret) >= _SHORTEST_SECRET]
    _hiding.known.update(secrets)
    return secrets


class _Hiding(logging.Filter):
    """Takes secrets out of botocore's records.

    Those that are known wherever they stand, for a service may repeat them; others, which
    roles get every hour, where they stand in signed requests and in STS's answers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    _PLACED = re.compile(
        r"(x-amz-security-token['\"]?\s*[:=]\s*b?['\"]?"
        r"|<(?:SecretAccessKey|SessionToken)>"
        r"|\"(?:secretAccessKey|sessionToken|accessToken)\"\s*:\s*\")"
        r"[^\s'\"<\\,]+",
        re.IGNORECASE,
    )

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = masked(self._PLACED.sub(r"\1***", message), self.known)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True


_hiding = _Hiding()


def _silence() -> None:
    """Keep secrets out of botocore's log, whatever its level."""
    names = {f"botocore.{name}" for name in _LOGGERS}
    names |= {n for n in logging.root.manager.loggerDict if n.startswith(("boto", "urllib3"))}
    for name in names:
        log = logging.getLogger(name)
        if _hiding not in log.filters:
            log.addFilter(_hiding)
