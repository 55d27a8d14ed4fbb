"""What an account has to allow before anything can be deployed, as documents to paste.

Three things are asked for: a policy for whoever deploys and asks, a role that SageMaker runs
the containers in (its trust policy and what it may do), and a quota for each instance type,
which is 0 in most accounts.
"""

import json
from collections import Counter
from typing import Any

from indexes.models.sagemaker.endpoints.plan import Plan

ROLE = "advanced-rag-sagemaker"
POLICY = "advanced-rag"
_VERSION = "2012-10-17"


def caller_policy(role: str = ROLE) -> dict[str, Any]:
    """The IAM policy of whoever deploys, asks and deletes; containers run as `role`."""
    role_arn = role if role.startswith("arn:") else f"arn:aws:iam::*:role/{role}"
    kinds = ("Model", "EndpointConfig", "Endpoint", "InferenceComponent")
    verbs = ("Create", "Describe", "Delete")
    return _policy(
        _allow(
            "Deploy",
            [
                *(f"sagemaker:{verb}{kind}" for verb in verbs for kind in kinds),
                *(f"sagemaker:List{kind}s" for kind in kinds),
                "sagemaker:AddTags",
                "sagemaker:ListTags",
            ],
        ),
        _allow("Ask", ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream",
                       "sagemaker:CallWithBearerToken"]),
        _allow(
            "ScaleToZero",
            [
                "application-autoscaling:RegisterScalableTarget",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:DeregisterScalableTarget",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:DeleteAlarms",
                "iam:CreateServiceLinkedRole",
            ],
        ),
        _allow("ReadJumpStart", ["s3:GetObject", "s3:ListBucket"], _jumpstart()),
        _allow("CheckTheRole", ["iam:GetRole", "iam:SimulatePrincipalPolicy"], [role_arn]),
        {
            **_allow("PassTheRole", ["iam:PassRole"], [role_arn]),
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
        _allow(
            "Quotas",
            ["servicequotas:ListAWSDefaultServiceQuotas",
             "servicequotas:RequestServiceQuotaIncrease"],
        ),
    )  # fmt: skip


def trust_policy() -> dict[str, Any]:
    """Who may take on the role that runs the containers: SageMaker."""
    return _policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    )


def role_policy() -> dict[str, Any]:
    """What that role may do: fetch container and weights, write logs and metrics."""
    return _policy(
        _allow("Weights", ["s3:GetObject", "s3:ListBucket"], _jumpstart()),
        _allow(
            "Container",
            [
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
        ),
        _allow(
            "Logs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
                "cloudwatch:PutMetricData",
            ],
        ),
    )


def quotas(plan: Plan) -> dict[str, int]:
    """The quotas that a plan needs, by name, and how much of each."""
    wanted: Counter[str] = Counter()
    for endpoint in plan.endpoints:
        wanted[f"{endpoint.instance_type} for endpoint usage"] += endpoint.instances
    return dict(wanted)


def commands(plan: Plan, role: str = ROLE) -> list[str]:
    """AWS's command line for all of it, with the documents in it."""
    name = role.rpartition("/")[2]
    return [
        f"aws iam create-role --role-name {name} --assume-role-policy-document "
        + _quoted(trust_policy()),
        f"aws iam put-role-policy --role-name {name} --policy-name {POLICY} --policy-document "
        + _quoted(role_policy()),
        f"aws iam create-policy --policy-name {POLICY}-caller --policy-document "
        + _quoted(caller_policy(role)),
        *(
            "aws service-quotas request-service-quota-increase --service-code sagemaker "
            f"--desired-value {count} --quota-code $(aws service-quotas "
            "list-aws-default-service-quotas --service-code sagemaker --output text --query "
            f"\"Quotas[?QuotaName=='{quota}'].QuotaCode\")"
            for quota, count in quotas(plan).items()
        ),
    ]


def _quoted(document: dict[str, Any]) -> str:
    return f"'{json.dumps(document)}'"


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": list(statements)}


def _allow(name: str, actions: list[str], resources: list[str] | None = None) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources or "*"}


def _jumpstart() -> list[str]:
    buckets = ("jumpstart-cache-prod-*", "jumpstart-private-cache-prod-*")
    return [f"arn:aws:s3:::{bucket}{end}" for bucket in buckets for end in ("", "/*")]
