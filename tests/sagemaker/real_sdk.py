"""`python -m tests.sagemaker.real_sdk FOLDER`: a deployment's life through AWS's own SDK.

Prints one JSON object of what was seen; `test_jumpstart.py` says what it must be.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from indexes.errors import RagError
from indexes.models.sagemaker.endpoints import (
    ControlPlane,
    EndpointPlan,
    Ledger,
    Plan,
    default_plan,
    delete,
    deploy,
)
from tests.sagemaker import aws as stand_in
from tests.sagemaker.aws import ACCOUNT, KEY, REGION, SECRET, Aws, Killed

ROLE = "sagemaker-execution"
PLAN = default_plan()


def main(folder: Path) -> dict[str, Any]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = stand_in.started()
    host, port = server.get_host_and_port()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://{host}:{port}",
        AWS_ACCESS_KEY_ID=KEY,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_DEFAULT_REGION=REGION,
        AWS_CONFIG_FILE=str(folder / "no-config"),
        AWS_SHARED_CREDENTIALS_FILE=str(folder / "no-credentials"),
        AWS_EC2_METADATA_DISABLED="true",
        # moto does not simulate policies; this switch is the SDK's own.
        SAGEMAKER_VALIDATE_ROLE="false",
    )
    with pytest.MonkeyPatch.context() as patch:
        stand_in.mend_moto(patch)
        _check_schemas_once(patch)
        seen = _run(folder, Aws(os.environ["AWS_ENDPOINT_URL"], stand_in.session()))
    server.stop()
    return seen


def _check_schemas_once(patch: pytest.MonkeyPatch) -> None:
    """The SDK checks its settings' own schema at each of 67 looks at them: half of all its time."""
    check, checked = Draft202012Validator.check_schema, {}

    def once(schema: Any, *rest: Any, **named: Any) -> None:
        if id(schema) not in checked:
            check(schema, *rest, **named)
            checked[id(schema)] = schema

    patch.setattr(Draft202012Validator, "check_schema", once)


def _run(folder: Path, aws: Aws) -> dict[str, Any]:
    stand_in.publish_catalogue(gated=True)
    iam = stand_in.session().client("iam")
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}]
    }
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    aws.watch()
    plane, ledger = ControlPlane(session=aws.session), Ledger(folder)
    seen: dict[str, Any] = {"planted": [KEY, SECRET]}

    def attempt(plan: Plan = PLAN, role: str = ROLE, **options: Any) -> Any:
        return deploy(plan, plane, ledger, role=role, poll_seconds=0.0, **options)

    def one(model_id: str, instance_type: str) -> Plan:
        return Plan((EndpointPlan("embedding", "one", model_id, instance_type),))

    bge = stand_in.EMBEDDING_MODEL
    seen["licence"] = _refusal(attempt)
    seen["after_licence"] = [call for call in aws.changes if call != "CreateBucket"]
    seen["instance"] = _refusal(lambda: attempt(one(bge, "ml.g5.xlarge")))
    seen["unknown"] = _refusal(lambda: attempt(one("no-such-model", "ml.g5.xlarge")))
    seen["role"] = _refusal(lambda: attempt(role="nobody"))

    aws.die_before = 3  # model, config, then not the endpoint
    try:
        attempt(accept_eula=True)
    except (Killed, KeyboardInterrupt):
        seen["killed"] = aws.names()
    aws.die_before = None
    done = attempt(accept_eula=True)
    seen["deployed"] = [[d.plan.name, d.status] for d in done]

    seen["tags"] = []
    for kind in ("endpoint", "endpoint-config", "model"):
        for resource in plane.resources(kind):  # type: ignore[arg-type]
            seen["tags"].append(plane.tags(resource))
    config = plane.describe("endpoint-config", PLAN.endpoints[1].name) or {}
    variant = config["ProductionVariants"][0]
    seen["timeout"] = variant["ContainerStartupHealthCheckTimeoutInSeconds"]
    model = plane.describe("model", PLAN.endpoints[0].name) or {}
    source = model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    seen["accepted"] = source["ModelAccessConfig"]["AcceptEula"]
    seen["buckets"] = len(stand_in.session().client("s3").list_buckets()["Buckets"])
    seen["telemetry"] = [call for call in aws.calls if "elemetry" in call]

    delete(PLAN, plane, ledger, poll_seconds=0.0)
    seen["left"] = aws.names()
    assert plane.account == ACCOUNT
    return seen


def _refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except RagError as error:
        return str(error)
    return "not refused"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
