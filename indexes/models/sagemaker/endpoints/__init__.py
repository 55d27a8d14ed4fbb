"""The life of SageMaker endpoints: deploy, look, delete. Costs money while they exist.

    from indexes.models.sagemaker.endpoints import ControlPlane, Ledger, default_plan
    from indexes.models.sagemaker.endpoints import delete, deploy, status

    plane, ledger = ControlPlane(region="us-east-1"), Ledger(settings.cache)
    deploy(default_plan(), plane, ledger, role="my-sagemaker-role")
    status(default_plan(), plane, ledger).running
    delete(default_plan(), plane, ledger).remaining

Needs boto3; `deploy` needs the whole extra `sagemaker`.
"""

from indexes.models.sagemaker.endpoints.control import ControlPlane
from indexes.models.sagemaker.endpoints.delete import Deletion, Remaining, delete
from indexes.models.sagemaker.endpoints.deploy import Deployed, DeployStep, deploy
from indexes.models.sagemaker.endpoints.jumpstart import Hosting, JumpStart
from indexes.models.sagemaker.endpoints.ledger import Ledger
from indexes.models.sagemaker.endpoints.plan import (
    EndpointPlan,
    Plan,
    default_plan,
    with_model,
)
from indexes.models.sagemaker.endpoints.prices import Price, Prices
from indexes.models.sagemaker.endpoints.search import FoundResource
from indexes.models.sagemaker.endpoints.status import Running, Status, status

__all__ = [
    "ControlPlane",
    "Deletion",
    "DeployStep",
    "Deployed",
    "EndpointPlan",
    "FoundResource",
    "Hosting",
    "JumpStart",
    "Ledger",
    "Plan",
    "Price",
    "Prices",
    "Remaining",
    "Running",
    "Status",
    "default_plan",
    "delete",
    "deploy",
    "status",
    "with_model",
]
