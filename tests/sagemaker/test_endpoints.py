"""The life of SageMaker endpoints, against moto's server over HTTP with the real boto3."""

import importlib
import json
import logging
import shlex
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3", reason="needs the extra sagemaker")
pytest.importorskip("moto.server", reason="needs moto's server, of the extra dev")

import boto3

from app.cli.main import main
from indexes.errors import ModelError, SettingsError
from indexes.models.providers import build_llm
from indexes.models.sagemaker.endpoints import (
    ControlPlane,
    DeployStep,
    EndpointPlan,
    Ledger,
    Plan,
    Prices,
    default_plan,
    delete,
    deploy,
    permissions,
    status,
    with_model,
)
from indexes.settings import load_settings
from tests.sagemaker import aws as stand_in
from tests.sagemaker.aws import KEY, REGION, ROLE, SECRET, TOKEN, Aws, Killed, PlainHosting

# Each asks boto3 for dozens of requests over HTTP.
pytestmark = pytest.mark.slow

PLAN = default_plan()
NAMES = ["advanced-rag-bge", "advanced-rag-mixtral"]
ALL = {"endpoint": NAMES, "endpoint-config": NAMES, "model": NAMES}
# Both models: three resources each, created by three calls.
CREATING_CALLS = 6


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = stand_in.started()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    """An empty account."""
    urllib.request.urlopen(f"{moto_url}/moto-api/reset", data=b"", timeout=10).close()
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "RAG_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    stand_in.mend_moto(monkeypatch)
    found = Aws(moto_url, stand_in.session())
    found.watch()
    return found


@pytest.fixture
def plane(aws: Aws) -> ControlPlane:
    return ControlPlane(session=aws.session)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "cache")


def deployed(plane: ControlPlane, ledger: Ledger, plan: Plan = PLAN, **options: Any) -> Any:
    return deploy(
        plan,
        plane,
        ledger,
        **{"hosting": PlainHosting(plane.client), "poll_seconds": 0.0, **options},
    )


def deleted(plane: ControlPlane, ledger: Ledger, plan: Plan = PLAN, **options: Any) -> Any:
    return delete(plan, plane, ledger, **{"poll_seconds": 0.0, **options})


# The whole life


def test_deploy_status_delete_leaves_nothing(aws: Aws, plane: ControlPlane, ledger: Ledger) -> None:
    done = deployed(plane, ledger)
    assert [(d.plan.name, d.status, d.created) for d in done] == [
        ("advanced-rag-mixtral", "InService", True),
        ("advanced-rag-bge", "InService", True),
    ]
    assert aws.names() == ALL

    found = status(PLAN, plane, ledger)
    shown = {r.found.part: (r.status, r.instances, r.instance_type) for r in found.running}
    assert shown == {
        "llm": ("InService", 1, "ml.g5.48xlarge"),
        "embedding": ("InService", 1, "ml.g5.2xlarge"),
    }
    assert not found.leftovers
    assert all(r.found.created and r.seconds >= 0 for r in found.running)

    result = deleted(plane, ledger)
    assert len(result.deleted) == 6
    assert not result.remaining
    assert aws.nothing_left()
    assert not status(PLAN, plane, ledger).running
    assert ledger.known(plane.account, REGION) == []


def test_default_names_are_those_that_ask_calls() -> None:
    settings = load_settings(provider="sagemaker")
    assert [e.name for e in PLAN.endpoints] == [
        settings.sagemaker_llm_endpoint,
        settings.sagemaker_embedding_endpoint,
    ]


def test_all_that_is_created_is_tagged(aws: Aws, plane: ControlPlane, ledger: Ledger) -> None:
    deployed(plane, ledger)
    for kind, names in ALL.items():
        for name in names:
            resource = plane.find(kind, name)  # type: ignore[arg-type]
            assert resource
            tags = plane.tags(resource) or {}
            assert tags["project"] == "advanced-rag-patterns"
            assert tags["advanced-rag:deployment"] == "default"


# What it costs


def test_prices_are_told_by_the_hour_and_month_or_are_unknown() -> None:
    prices = Prices("us-east-1", ["ml.p4d.24xlarge=25.5"])
    assert str(prices.of("ml.g5.2xlarge")) == (
        "$1.515 an hour, $1,106 a month (us-east-1, 2026-11)"
    )
    assert str(prices.of("ml.p4d.24xlarge", 2)) == "$51.00 an hour, $37,230 a month (as given)"
    assert prices.of("ml.p5.48xlarge") is None
    assert Prices("eu-west-1").of("ml.g5.2xlarge") is None
    assert prices.all_of([("ml.g5.2xlarge", 1), ("ml.p5.48xlarge", 1)]) is None
    with pytest.raises(SettingsError, match=r"like ml\.g5\.2xlarge=1\.52"):
        Prices(given=["1.5"])


def test_dry_run_deploy_and_status_say_what_it_costs(
    aws: Aws, rag: Callable[..., tuple[int, str, str]]
) -> None:
    _, out, _ = rag("deploy", "--dry-run", "--sagemaker-region", "us-east-1")
    assert "$20.36 an hour" in out
    assert "together $21.875 an hour, $15,969 a month (us-east-1, 2026-11)" in out
    _, out, _ = rag("deploy", "--dry-run", "--sagemaker-region", "eu-west-1")
    assert "price unknown (give it with --price ml.g5.48xlarge=USD_AN_HOUR)" in " ".join(
        out.split()
    )
    _, out, _ = rag("deploy", "--json", "--price", "ml.g5.2xlarge=2")
    made = json.loads(out)
    assert [one["price"]["hour"] for one in made["endpoints"]] == [20.36, 2.0]
    assert made["price"]["hour"] == 22.36
    _, out, _ = rag("status")
    assert "$20.36 an hour, $14,863 a month (us-east-1, 2026-11), $0.0" in out
    _, out, _ = rag("status", "--json")
    assert {one["price"]["month"] for one in json.loads(out)["endpoints"]} == {14862.8, 1105.95}


# Other models


def test_another_model_brings_its_instance_and_a_name_that_tells_it() -> None:
    llm, embedding = PLAN.endpoints
    llama = with_model(llm, "Llama-3.1-8B-Instruct")
    assert (llama.model_id, llama.instance_type, llama.name) == (
        "meta-textgeneration-llama-3-1-8b-instruct",
        "ml.g5.2xlarge",
        "advanced-rag-llama-3-1-8b-instruct",
    )
    by_id = with_model(embedding, "huggingface-sentencesimilarity-bge-m3")
    assert by_id.name == "advanced-rag-bge-m3"
    mine = with_model(replace(llm, name="mine"), "somebody-llm-else", "ml.g5.xlarge")
    assert (mine.name, mine.model_id) == ("mine", "somebody-llm-else")
    with pytest.raises(SettingsError, match="with --llm-instance-type"):
        with_model(llm, "somebody-llm-else")


def test_what_a_client_is_told_of_another_model_is_what_it_asks(
    aws: Aws, rag: Callable[..., tuple[int, str, str]]
) -> None:
    _, out, _ = rag("deploy", "--json", "--llm-model-id", "Llama-3.1-8B-Instruct")
    told = json.loads(out)["settings"]
    assert told["RAG_SAGEMAKER_LLM_ENDPOINT"] == "advanced-rag-llama-3-1-8b-instruct"
    assert told["RAG_LLM_MODEL"] == "Llama-3.1-8B-Instruct"
    assert "RAG_EMBEDDING_MODEL" not in told
    settings = load_settings(
        provider="sagemaker",
        llm_model=told["RAG_LLM_MODEL"],
        sagemaker_llm_endpoint=told["RAG_SAGEMAKER_LLM_ENDPOINT"],
    )
    llm: Any = build_llm(settings)
    assert (llm.template, llm.shape) == ("llama3", "messages")
    assert llm.metadata.context_window == 131072
    code, _, _ = rag("delete")
    assert code == 0
    assert aws.nothing_left()


# What an account has to allow


def test_permissions_are_documents_that_aws_takes(
    aws: Aws, rag: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = rag("permissions", "--json", "--role", "my-role")
    assert code == 0, err
    needed = json.loads(out)
    iam = aws.session.client("iam")
    iam.create_role(RoleName="my-role", AssumeRolePolicyDocument=json.dumps(needed["trust_policy"]))
    iam.put_role_policy(
        RoleName="my-role", PolicyName="p", PolicyDocument=json.dumps(needed["role_policy"])
    )
    iam.create_policy(PolicyName="q", PolicyDocument=json.dumps(needed["caller_policy"]))
    assert needed["quotas"] == {
        "ml.g5.48xlarge for endpoint usage": 1,
        "ml.g5.2xlarge for endpoint usage": 1,
    }


def test_permissions_allow_every_call_that_a_deployments_life_makes(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    deployed(plane, ledger)
    status(PLAN, plane, ledger)
    deleted(plane, ledger)
    allowed = {
        action
        for statement in permissions.caller_policy()["Statement"]
        for action in statement["Action"]
    }
    called = {f"sagemaker:{call}" for call in aws.calls if call != "GetCallerIdentity"}
    assert called <= allowed


def test_the_commands_of_permissions_can_be_pasted(
    rag: Callable[..., tuple[int, str, str]],
) -> None:
    _, out, _ = rag("permissions")
    lines = [line for line in out.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 5
    role = shlex.split(lines[0])
    assert role[:5] == ["aws", "iam", "create-role", "--role-name", "advanced-rag-sagemaker"]
    assert json.loads(role[-1]) == permissions.trust_policy()
    assert "ml.g5.48xlarge for endpoint usage" in lines[3]
    service = boto3.session.Session().get_available_services()
    assert "service-quotas" in service


# Deleted later


def test_delete_after_a_while_waits_by_the_wall_clock(
    aws: Aws, rag: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rag("deploy")
    now = [1000.0]
    monkeypatch.setattr("app.cli.cost.time.time", lambda: now[0])

    def sleep(_: float) -> None:
        assert not aws.nothing_left()
        now[0] += 3600  # the laptop slept

    monkeypatch.setattr("app.cli.cost.time.sleep", sleep)
    code, out, err = rag("delete", "--after", "2h")
    assert code == 0
    assert now[0] == 8200
    assert "deleting in 2 h 00 min" in err
    assert "nothing remains" in out
    assert aws.nothing_left()
    code, _, err = rag("delete", "--after", "soon")
    assert code == 1
    assert "give a span of time like 2h" in err


# Killed in between


KILLS = [("before", call) for call in range(1, CREATING_CALLS + 1)] + [
    ("after", call) for call in range(1, CREATING_CALLS + 1)
]


def kill(aws: Aws, plane: ControlPlane, ledger: Ledger, when: str, call: int) -> None:
    setattr(aws, f"die_{when}", call)
    with pytest.raises(Killed):
        deployed(plane, ledger)
    setattr(aws, f"die_{when}", None)


@pytest.mark.parametrize(("when", "call"), KILLS)
def test_killed_at_any_step_delete_removes_everything(
    aws: Aws, plane: ControlPlane, ledger: Ledger, when: str, call: int
) -> None:
    kill(aws, plane, ledger, when, call)
    result = deleted(plane, ledger)
    assert aws.nothing_left()
    assert not result.remaining
    assert len(result.deleted) == (call if when == "after" else call - 1)
    assert ledger.known(plane.account, REGION) == []


@pytest.mark.parametrize("call", [1, 2, 3, CREATING_CALLS])
def test_killed_delete_needs_no_ledger(
    aws: Aws, plane: ControlPlane, ledger: Ledger, tmp_path: Path, call: int
) -> None:
    kill(aws, plane, ledger, "after", call)
    other_names = Plan((EndpointPlan("llm", "other-name", "some-model", "ml.g5.xlarge"),))
    result = deleted(plane, Ledger(tmp_path / "another-machine"), other_names)
    assert aws.nothing_left()
    assert len(result.deleted) == call


@pytest.mark.parametrize("call", [1, 2, 3, CREATING_CALLS])
def test_killed_delete_needs_no_tags(
    aws: Aws, plane: ControlPlane, ledger: Ledger, call: int
) -> None:
    kill(aws, plane, ledger, "after", call)
    for kind, names in aws.names().items():
        for name in names:
            aws.untag(kind, name)
    other_names = Plan((EndpointPlan("llm", "other-name", "some-model", "ml.g5.xlarge"),))
    assert len(deleted(plane, ledger, other_names).deleted) == call
    assert aws.nothing_left()


@pytest.mark.parametrize(("when", "call"), KILLS)
def test_killed_at_any_step_deploy_goes_on(
    aws: Aws, plane: ControlPlane, ledger: Ledger, when: str, call: int
) -> None:
    kill(aws, plane, ledger, when, call)
    before = len(aws.changes)
    done = deployed(plane, ledger)
    assert [d.status for d in done] == ["InService", "InService"]
    assert aws.names() == ALL
    there = call if when == "after" else call - 1
    again = aws.changes[before:]
    # A model whose config is missing is created once more, and taken as it is.
    assert len(again) == CREATING_CALLS - there + (there % 3 == 1)
    assert all(change.startswith("Create") for change in again)


@pytest.mark.parametrize("call", range(1, CREATING_CALLS + 1))
def test_a_deletion_killed_at_any_step_is_finished_by_the_next(
    aws: Aws, plane: ControlPlane, ledger: Ledger, call: int
) -> None:
    deployed(plane, ledger)
    aws.die_deleting = call
    with pytest.raises(Killed):
        deleted(plane, ledger)
    aws.die_deleting = None
    result = deleted(plane, ledger)
    assert len(result.deleted) == CREATING_CALLS - call + 1
    assert aws.nothing_left()
    assert ledger.known(plane.account, REGION) == []


def test_what_is_about_to_be_created_is_noted_first(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    aws.die_before = 1
    with pytest.raises(Killed):
        deployed(plane, ledger)
    assert [(n.kind, n.name) for n in ledger.known(plane.account, REGION)] == [
        ("model", "advanced-rag-mixtral")
    ]


def test_deployed_again_nothing_is_created(aws: Aws, plane: ControlPlane, ledger: Ledger) -> None:
    deployed(plane, ledger)
    before = len(aws.changes)
    hosting = PlainHosting(plane.client)
    done = deployed(plane, ledger, hosting=hosting)
    assert aws.changes[before:] == []
    assert hosting.prepared == []  # the ten-second import of AWS's SDK is spared, too
    assert [d.created for d in done] == [False, False]


def test_interrupted_while_waiting_deploy_goes_on_waiting(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    def interrupt(step: DeployStep) -> None:
        if step.what == "Creating":
            aws.set_status(step.endpoint, "Creating")
        if (step.endpoint, step.what) == (NAMES[0], "creating the model"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deployed(plane, ledger, on_progress=interrupt)

    seen: list[str] = []

    def finish(step: DeployStep) -> None:
        seen.append(step.what)
        if step.what == "Creating" and seen.count("Creating") > 2:
            aws.set_status(step.endpoint, "InService")

    deployed(plane, ledger, on_progress=finish)
    assert seen.count("Creating") > 2
    assert aws.names() == ALL


# What is not ours stays


def test_a_stranger_of_the_same_name_is_neither_used_nor_deleted(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    stranger = Plan((EndpointPlan("llm", NAMES[1], "their-model", "ml.g5.xlarge"),))
    PlainHosting(plane.client).create_model(stranger.endpoints[0], {"owner": "someone"})
    with pytest.raises(SettingsError, match="was not made by this command: give another name"):
        deployed(plane, ledger)
    result = deleted(plane, ledger, force=True)
    assert not result.deleted
    assert "not made by this project" in result.remaining[0].reason
    assert aws.names()["model"] == [NAMES[1]]


def test_an_untagged_one_of_the_name_is_deleted_by_force_only(
    aws: Aws, plane: ControlPlane, ledger: Ledger, tmp_path: Path
) -> None:
    deployed(plane, ledger)
    aws.untag("model", NAMES[0])
    elsewhere = Ledger(tmp_path / "another-machine")
    result = deleted(plane, elsewhere)
    assert [(r.found.kind, r.found.name) for r in result.remaining] == [("model", NAMES[0])]
    assert "--force" in result.remaining[0].reason
    assert not deleted(plane, elsewhere, force=True).remaining
    assert aws.nothing_left()


def test_another_deployment_stays_unless_all_are_meant(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    theirs = Plan((EndpointPlan("embedding", "their-bge", "bge", "ml.g5.xlarge"),), "theirs")
    deployed(plane, ledger)
    deployed(plane, ledger, theirs)
    result = deleted(plane, ledger)
    assert {r.found.name for r in result.remaining} == {"their-bge"}
    assert "--deployment theirs" in result.remaining[0].reason
    assert aws.names()["endpoint"] == ["their-bge"]
    assert len(ledger.known(plane.account, REGION)) == 3
    assert not deleted(plane, ledger, everything=True).remaining
    assert aws.nothing_left()


def test_another_model_under_a_used_name_is_refused(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    deployed(plane, ledger)
    other = Plan((EndpointPlan("llm", NAMES[1], "another-model", "ml.g5.48xlarge"),))
    with pytest.raises(SettingsError, match=r"another-model.*give another name, or run"):
        deployed(plane, ledger, other)


# What AWS refuses


def test_a_refused_quota_names_the_fix_and_what_was_left(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    aws.refuse["CreateEndpoint"] = (
        "ResourceLimitExceeded",
        "The account-level service limit 'ml.g5.48xlarge for endpoint usage' is 0 Instances",
    )
    with pytest.raises(ModelError) as raised:
        deployed(plane, ledger)
    message = str(raised.value)
    assert "Service Quotas" in message
    assert "ml.g5.48xlarge for endpoint usage" in message
    assert "model advanced-rag-mixtral" in message
    assert "\n" not in message
    # With the quota, the same call goes on: model and config are there.
    aws.refuse.clear()
    before = len(aws.changes)
    deployed(plane, ledger)
    assert aws.changes[before:][0] == "CreateEndpoint"


@pytest.mark.parametrize(
    ("operation", "refusal", "expected"),
    [
        (
            "CreateModel",
            ("AccessDeniedException", "User: x is not authorized to perform: iam:PassRole on y"),
            "have iam:PassRole allowed",
        ),
        (
            "CreateModel",
            ("AccessDeniedException", "no"),
            "have sagemaker:CreateModel allowed",
        ),
        (
            "CreateModel",
            ("ValidationException", "Could not assume role arn:aws:iam::1:role/r"),
            "trust policy name sagemaker.amazonaws.com",
        ),
        ("CreateModel", ("ValidationException", "Accept the EULA"), "give --accept-eula"),
        ("DescribeEndpoint", ("ExpiredTokenException", f"token {TOKEN}"), "log in again"),
        ("DescribeEndpoint", ("ThrottlingException", "Rate exceeded"), "run it again"),
        ("CreateEndpoint", ("ValidationException", f"bad {SECRET}"), r"bad \*\*\*"),
    ],
)
def test_a_refusal_is_one_line_with_the_fix_and_no_secret(
    aws: Aws,
    plane: ControlPlane,
    ledger: Ledger,
    operation: str,
    refusal: tuple[str, str],
    expected: str,
) -> None:
    aws.refuse[operation] = refusal

    with pytest.raises((ModelError, SettingsError), match=expected) as raised:
        deployed(plane, ledger)
    for planted in (SECRET, TOKEN, KEY):
        assert planted not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_region_no_credentials_no_profile_no_role(
    aws: Aws, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="change RAG_SAGEMAKER_PROFILE"):
        ControlPlane(profile="nobody")
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
        away.setenv("AWS_MAX_ATTEMPTS", "1")
        away.delenv("AWS_ENDPOINT_URL", raising=False)
        with pytest.raises(SettingsError, match=r"cannot be taken on .* RAG_SAGEMAKER_ROLE"):
            ControlPlane(role="arn:aws:iam::123456789012:role/nobody")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SettingsError, match="set RAG_SAGEMAKER_REGION or AWS_REGION"):
        ControlPlane()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match="no AWS credentials: run `aws configure`"):
        status(PLAN, ControlPlane(region=REGION), ledger)


def test_a_failed_endpoint_says_why_and_is_made_again(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    def fail(step: DeployStep) -> None:
        if (step.endpoint, step.what) == (NAMES[1], "Creating"):
            aws.set_status(NAMES[1], "Failed", "CapacityError: no ml.g5.48xlarge")

    with pytest.raises(ModelError, match=r"is Failed \(CapacityError.*run deploy again"):
        deployed(plane, ledger, on_progress=fail)
    done = deployed(plane, ledger)
    assert [(d.status, d.created) for d in done] == [("InService", True), ("InService", False)]


def test_a_refused_deletion_does_not_stop_the_others(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    deployed(plane, ledger)
    aws.refuse["DeleteModel"] = ("AccessDeniedException", "no")
    result = deleted(plane, ledger)
    assert [(r.found.kind, r.found.name) for r in result.remaining] == [
        ("model", NAMES[1]),
        ("model", NAMES[0]),
    ]
    assert "have sagemaker:DeleteModel allowed" in result.remaining[0].reason
    assert aws.names() == {"endpoint": [], "endpoint-config": [], "model": NAMES}
    aws.refuse.clear()
    assert not deleted(plane, ledger).remaining
    assert aws.nothing_left()


def test_an_endpoint_that_cannot_be_deleted_keeps_its_config_and_model(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    deployed(plane, ledger)
    aws.refuse["DeleteEndpoint"] = ("AccessDeniedException", "no")
    result = deleted(plane, ledger)
    assert len(result.remaining) == 6
    assert aws.names() == ALL


def test_an_endpoint_in_creation_is_deleted_once_it_can_be(
    aws: Aws, plane: ControlPlane, ledger: Ledger
) -> None:
    deployed(plane, ledger, wait=False)
    for name in NAMES:
        aws.set_status(name, "Creating")
    aws.refuse["DeleteEndpoint"] = ("ValidationException", "Cannot delete while Creating")
    seen: list[str] = []

    def ready(found: Any, what: str) -> None:
        seen.append(what)
        if what == "Creating":
            aws.set_status(found.name, "InService")
            aws.refuse.clear()

    assert not deleted(plane, ledger, on_progress=ready).remaining
    assert "Creating" in seen
    assert aws.nothing_left()


def test_where_tags_cannot_be_read_names_and_ledger_are_searched(
    aws: Aws, plane: ControlPlane, ledger: Ledger, tmp_path: Path
) -> None:
    deployed(plane, ledger)
    aws.refuse["ListTags"] = ("AccessDeniedException", "no")
    with pytest.raises(ModelError, match="have sagemaker:ListTags allowed"):
        deployed(plane, Ledger(tmp_path / "another-machine"))
    assert not any(one.created for one in deployed(plane, ledger))
    unknown = deleted(plane, Ledger(tmp_path / "another-machine"))
    assert len(unknown.remaining) == 6
    assert "allow sagemaker:ListTags" in unknown.remaining[0].reason
    assert any("searched by name only" in note for note in unknown.notes)
    assert not deleted(plane, ledger).remaining
    assert aws.nothing_left()


# The ledger


def test_a_damaged_ledger_names_its_file(plane: ControlPlane, ledger: Ledger) -> None:
    ledger.path.parent.mkdir(parents=True)
    ledger.path.write_text("{", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"sagemaker-endpoints\.json is damaged: delete it"):
        status(PLAN, plane, ledger)


def test_another_account_or_region_is_another_ledger(plane: ControlPlane, ledger: Ledger) -> None:
    deployed(plane, ledger)
    assert len(ledger.known(plane.account, REGION)) == 6
    assert ledger.known("000000000000", REGION) == []
    assert ledger.known(plane.account, "eu-west-1") == []


# The command line


@pytest.fixture
def rag(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs `advanced-rag endpoints …` in this process; models are made by `PlainHosting`."""
    # By its path: the package's `deploy` is the function.
    deploying = importlib.import_module("indexes.models.sagemaker.endpoints.deploy")
    monkeypatch.setattr(deploying, "JumpStart", lambda plane, _role: PlainHosting(plane.client))
    monkeypatch.setattr(deploying, "POLL_SECONDS", 0.0)
    control = "indexes.models.sagemaker.endpoints.control.aws_session"
    monkeypatch.setattr(control, lambda *_: aws.session)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["app", "endpoints", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_the_commands_as_json(aws: Aws, rag: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = rag("deploy", "--role", ROLE, "--json")
    assert code == 0, err
    made = json.loads(out)
    assert [e["status"] for e in made["endpoints"]] == ["InService", "InService"]
    assert made["settings"] == {"RAG_PROVIDER": "sagemaker", "RAG_SAGEMAKER_REGION": REGION}

    code, out, _ = rag("status", "--json")
    shown = json.loads(out)
    assert code == 0
    assert {e["name"]: e["instance_type"] for e in shown["endpoints"]} == {
        NAMES[0]: "ml.g5.2xlarge",
        NAMES[1]: "ml.g5.48xlarge",
    }
    assert all(e["since"] and e["seconds"] >= 0 for e in shown["endpoints"])

    code, out, _ = rag("delete", "--json")
    gone = json.loads(out)
    assert code == 0
    assert (len(gone["deleted"]), gone["remaining"]) == (6, [])
    assert aws.nothing_left()


def test_the_commands_in_words(aws: Aws, rag: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = rag("deploy", "--only", "embedding", "--sagemaker-embedding-endpoint", "bge")
    assert code == 0, err
    assert "export RAG_SAGEMAKER_EMBEDDING_ENDPOINT=bge" in out
    code, out, _ = rag("status")
    assert "1 × ml.g5.2xlarge" in out
    code, out, _ = rag("delete")
    assert code == 0
    assert "deleted model bge" in out
    assert f"nothing remains in {REGION}" in out
    assert aws.nothing_left()


def test_what_cannot_be_deleted_ends_in_an_error(
    aws: Aws, rag: Callable[..., tuple[int, str, str]]
) -> None:
    rag("deploy")
    aws.refuse["DeleteModel"] = ("AccessDeniedException", "no")
    code, out, err = rag("delete")
    assert code == 1
    assert "remains: model advanced-rag-bge" in out
    assert "error: 2 could not be deleted" in err


def test_a_dry_run_of_deploy_calls_nobody(
    aws: Aws, rag: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = rag("deploy", "--dry-run")
    assert code == 0
    assert "would create model, endpoint config and endpoint advanced-rag-mixtral" in out
    code, out, _ = rag("deploy", "--dry-run", "--json", "--llm-instance-type", "ml.p4d.24xlarge")
    planned = json.loads(out)
    assert planned["endpoints"][0]["instance_type"] == "ml.p4d.24xlarge"
    assert (planned["endpoints"][0]["price"], planned["price"]) == (None, None)
    assert aws.calls == []
    assert not (tmp_path / "cache").exists()


def test_a_dry_run_of_delete_only_looks(aws: Aws, rag: Callable[..., tuple[int, str, str]]) -> None:
    rag("deploy")
    before = len(aws.changes)
    code, out, _ = rag("delete", "--dry-run")
    assert code == 0
    assert out.count("would delete") == 6
    assert aws.changes[before:] == []
    assert aws.names() == ALL


def test_no_secret_in_output_log_or_record(
    aws: Aws,
    plane: ControlPlane,
    rag: Callable[..., tuple[int, str, str]],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    # AWS's own loggers repeat requests with their headers: that is boto3's business.
    caplog.set_level(logging.DEBUG, logger="indexes")
    printed = ""
    for arguments in (("deploy",), ("status",), ("status", "--json"), ("delete",)):
        printed += "".join(map(str, rag(*arguments)))
    aws.refuse["ListModels"] = ("ValidationException", f"you sent {SECRET} and {TOKEN}")
    printed += "".join(map(str, rag("status")))
    printed += repr(plane) + caplog.text
    printed += "".join(p.read_text() for p in (tmp_path / "cache").glob("*.json"))
    assert "you sent *** and ***" in printed
    for planted in (KEY, SECRET, TOKEN):
        assert planted not in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("deploy", "--llm-instance-type", "big"), "give one like ml.g5.2xlarge"),
        (("deploy", "--deployment", "a b"), "give at most 64 letters"),
        (("deploy", "--llm-model-id", "../x"), "give JumpStart's"),
        (
            ("deploy", "--sagemaker-llm-endpoint", "x", "--sagemaker-embedding-endpoint", "x"),
            "give each its own name",
        ),
    ],
)
def test_what_aws_would_not_take_is_refused_before_it_is_asked(
    aws: Aws,
    rag: Callable[..., tuple[int, str, str]],
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    code, _, err = rag(*arguments)
    assert code == 1
    assert expected in " ".join(err.split())
    assert aws.calls == []


# Scaling to zero


ZERO = replace(PLAN, endpoints=(replace(PLAN.endpoints[1], scale_to_zero=True),))
BGE = "advanced-rag-bge"


@pytest.fixture
def components(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    return stand_in.add_components(monkeypatch)


def test_an_endpoint_that_scales_to_zero_wakes_up_again(
    aws: Aws, plane: ControlPlane, ledger: Ledger, components: dict[str, dict[str, Any]]
) -> None:
    deployed(plane, ledger, ZERO)
    config = plane.describe("endpoint-config", BGE) or {}
    (variant,) = config["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["ManagedInstanceScaling"]["MinInstanceCount"] == 0
    asked = components[BGE]["Specification"]
    assert asked["ModelName"] == BGE
    assert asked["ComputeResourceRequirements"]["NumberOfAcceleratorDevicesRequired"] == 1

    # Copies go when nobody asks, and a question that finds none brings one back.
    scaling = aws.session.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["ResourceId"] == f"inference-component/{BGE}"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 1)
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    steps = [one for one in policies if one["PolicyType"] == "StepScaling"]
    assert {one["PolicyType"] for one in policies} == {"TargetTrackingScaling", "StepScaling"}
    known = scaling.meta.service_model
    assert target["ScalableDimension"] in known.shape_for("ScalableDimension").enum
    followed = next(one for one in policies if one not in steps)
    metric = followed["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
    assert metric["PredefinedMetricType"] in known.shape_for("MetricType").enum
    (alarm,) = aws.session.client("cloudwatch").describe_alarms(AlarmNames=[f"{BGE}-wake"])[
        "MetricAlarms"
    ]
    assert alarm["AlarmActions"] == [steps[0]["PolicyARN"]]
    assert alarm["MetricName"] == "NoCapacityInvocationFailures"
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": BGE}]

    (running,) = status(ZERO, plane, ledger).running
    assert running.scales
    assert not deleted(plane, ledger, ZERO).remaining
    assert aws.nothing_left()
    assert not components
    assert not scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    alarms = aws.session.client("cloudwatch").describe_alarms(AlarmNames=[f"{BGE}-wake"])
    assert not alarms["MetricAlarms"]


def test_a_deployment_that_scales_to_zero_goes_on_where_it_was_killed(
    aws: Aws, plane: ControlPlane, ledger: Ledger, components: dict[str, dict[str, Any]]
) -> None:
    for call in range(1, 5):  # model, config, endpoint, component
        aws.calls.clear()
        deployed(plane, ledger, ZERO)
        deleted(plane, ledger, ZERO)
        fresh = Aws(aws.url, stand_in.session(), die_before=call)
        fresh.watch()
        with pytest.raises(Killed):
            deployed(ControlPlane(session=fresh.session), ledger, ZERO)
        deployed(plane, ledger, ZERO)
        assert list(components) == [BGE]
        deleted(plane, ledger, ZERO)
        assert aws.nothing_left()


def test_a_model_that_fails_on_its_endpoint_is_told_and_put_on_anew(
    aws: Aws, plane: ControlPlane, ledger: Ledger, components: dict[str, dict[str, Any]]
) -> None:
    deployed(plane, ledger, ZERO)
    components[BGE]["InferenceComponentStatus"] = "Failed"
    seen: list[DeployStep] = []
    deployed(plane, ledger, ZERO, on_progress=seen.append)
    assert "putting the model on it" in [step.what for step in seen]
    assert components[BGE]["InferenceComponentStatus"] == "InService"


def test_the_command_says_what_sleeping_costs_and_how_to_ask(
    aws: Aws, rag: Callable[..., tuple[int, str, str]], components: dict[str, dict[str, Any]]
) -> None:
    code, out, _ = rag("deploy", "--scale-to-zero", "--only", "embedding")
    assert code == 0
    said = " ".join(out.split())
    assert "while awake; asleep nothing" in said
    assert "they wake up in about 5 minutes" in said
    assert f"export RAG_SAGEMAKER_EMBEDDING_COMPONENT={BGE}" in said
    code, _, err = rag("deploy", "--only", "embedding")
    assert "exists with advanced-rag:scales = to-zero, not None" in " ".join(err.split())
    _, out, _ = rag("status")
    assert "at most $0.0" in out
    for arguments, expected in (
        (("--no-wait",), "leave out --no-wait"),
        (("--llm-instance-type", "ml.inf2.48xlarge"), "how many GPUs ml.inf2.48xlarge has"),
    ):
        code, _, err = rag("deploy", "--scale-to-zero", *arguments)
        assert code == 1
        assert expected in " ".join(err.split())
