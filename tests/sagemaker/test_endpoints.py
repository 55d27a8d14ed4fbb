"""The life of endpoints, against moto's control plane over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from indexes.errors import ModelError
from indexes.models.sagemaker.endpoints import TAG, ControlPlane, Plan, bge, explained, mixtral

ROLE = "arn:aws:iam::123456789012:role/SageMaker"
# moto knows fewer instance types than AWS.
PLANS = [
    replace(mixtral("test-mixtral"), instance_type="ml.p3.16xlarge"),
    replace(bge("test-bge"), instance_type="ml.g4dn.2xlarge"),
]


def small_model(session: Any, plan: Plan, role: str, accept_eula: bool) -> dict[str, Any]:
    """JumpStart's place, which moto does not have: a model with a container of its own."""
    session.client("sagemaker").create_model(
        ModelName=plan.name,
        PrimaryContainer={"Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{plan.model_id}"},
        ExecutionRoleArn=role,
        Tags=[TAG],
    )
    return {"ContainerStartupHealthCheckTimeoutInSeconds": 900}


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def session(moto: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    session = boto3.Session("AKIAX", "secret", region_name="us-east-1")
    ControlPlane(session=session, sleep=lambda _: None).delete()
    return session


@pytest.fixture
def control(session: boto3.Session) -> ControlPlane:
    return ControlPlane(session=session, create_model=small_model, sleep=lambda _: None)


def deploy(control: ControlPlane) -> None:
    for plan in PLANS:
        control.deploy(plan, ROLE, accept_eula=True)


def test_what_is_deployed_is_shown_and_deleted_whole(control: ControlPlane) -> None:
    deploy(control)
    found = control.status()
    assert sorted((r.kind, r.name) for r in found) == sorted(
        (kind, plan.name) for kind in ("endpoint", "endpoint-config", "model") for plan in PLANS
    )
    assert {r.status for r in found if r.kind == "endpoint"} == {"InService"}
    assert all(r.since for r in found)
    assert control.delete() == []
    assert control.status() == []


def test_what_others_made_is_left_alone(control: ControlPlane, session: boto3.Session) -> None:
    client = session.client("sagemaker")
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/theirs"}
    client.create_model(ModelName="theirs", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    deploy(control)
    assert control.delete() == []
    assert [m["ModelName"] for m in client.list_models()["Models"]] == ["theirs"]
    client.delete_model(ModelName="theirs")


def test_deploying_again_changes_nothing(control: ControlPlane) -> None:
    deploy(control)
    before = control.status()
    deploy(control)
    assert control.status() == before


def killed_after(session: boto3.Session, calls: int) -> boto3.Session:
    """A session whose process dies after some more changes."""

    class Killed:
        def __init__(self) -> None:
            self.left = calls

        def client(self, name: str, **options: Any) -> Any:
            client = session.client(name, **options)
            client.meta.events.register("before-call.sagemaker", self._before)
            return client

        def _before(self, model: Any, **_: Any) -> None:
            if model.name.startswith(("Create", "Delete")):
                if self.left == 0:
                    raise KeyboardInterrupt
                self.left -= 1

    return Killed()  # type: ignore[return-value]


@pytest.mark.parametrize("calls", range(6))
def test_killed_between_any_two_steps_everything_is_found(
    control: ControlPlane, session: boto3.Session, calls: int
) -> None:
    doomed = ControlPlane(
        session=killed_after(session, calls), create_model=small_model, sleep=lambda _: None
    )
    with pytest.raises(KeyboardInterrupt):
        deploy(doomed)
    assert len(control.status()) == calls
    assert control.delete() == []
    assert control.status() == []


@pytest.mark.parametrize("calls", range(6))
def test_killed_between_any_two_steps_deploying_goes_on(
    control: ControlPlane, session: boto3.Session, calls: int
) -> None:
    doomed = ControlPlane(
        session=killed_after(session, calls), create_model=small_model, sleep=lambda _: None
    )
    with pytest.raises(KeyboardInterrupt):
        deploy(doomed)
    deploy(control)
    assert len(control.status()) == 6


@pytest.mark.parametrize("calls", range(6))
def test_a_deletion_that_was_killed_can_be_done_again(
    control: ControlPlane, session: boto3.Session, calls: int
) -> None:
    deploy(control)
    with pytest.raises(KeyboardInterrupt):
        ControlPlane(session=killed_after(session, calls), sleep=lambda _: None).delete()
    assert len(control.status()) == 6 - calls
    assert control.delete() == []


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        ("ResourceLimitExceeded", "limit is 0 Instances", "Service Quotas"),
        ("AccessDeniedException", "User is not authorized", "sagemaker:CreateEndpoint"),
        ("ValidationException", "You need to accept the EULA", "--accept-eula"),
        ("ExpiredTokenException", "expired", "log in again"),
        ("Other", "why not", "why not"),
    ],
)
def test_a_refusal_is_explained_with_the_fix(code: str, message: str, said: str) -> None:
    response: Any = {"Error": {"Code": code, "Message": message}}
    with pytest.raises(ModelError) as failure, explained(PLANS[0]):
        raise ClientError(response, "CreateEndpoint")
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)
