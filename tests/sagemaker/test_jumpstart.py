"""AWS's own SDK, `sagemaker` 3, against moto and a hand-written catalogue of two models.

In a process of its own: importing the SDK takes ten seconds and leaves its marks.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs the extra sagemaker")
pytest.importorskip("moto.server", reason="needs moto's server, of the extra dev")
if find_spec("sagemaker") is None:
    pytest.skip("needs the extra sagemaker", allow_module_level=True)

pytestmark = pytest.mark.slow


def test_the_real_sdk_deploys_both_models_and_delete_removes_them(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.sagemaker.real_sdk", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    saw = json.loads(ran.stdout)

    assert "has an end-user licence agreement (https://" in saw["licence"]
    assert "--accept-eula" in saw["licence"]
    assert saw["after_licence"] == []  # refused before anything is created
    assert "does not run on ml.g5.xlarge: choose one of ml.g5.2xlarge" in saw["instance"]
    assert "give an id that JumpStart knows" in saw["unknown"]
    assert "give a role that SageMaker may use with --role" in saw["role"]

    # Killed between the SDK's config and its endpoint, then gone on with.
    assert saw["killed"]["endpoint"] == []
    assert saw["killed"]["endpoint-config"] == ["advanced-rag-mixtral"]
    assert saw["deployed"] == [
        ["advanced-rag-mixtral", "InService"],
        ["advanced-rag-bge", "InService"],
    ]
    for resource in saw["tags"]:
        assert resource["project"] == "advanced-rag-patterns"
        assert resource["advanced-rag:deployment"] == "default"
    assert len(saw["tags"]) == 6
    assert saw["timeout"] == 1200  # what JumpStart says of the container is heeded
    assert saw["accepted"] is True
    assert saw["buckets"] == 1  # the catalogue's: the SDK's own was not made
    assert saw["telemetry"] == []
    assert saw["left"] == {"endpoint": [], "endpoint-config": [], "model": []}
    # Neither noise nor secrets.
    for planted in saw["planted"]:
        assert planted not in ran.stderr
    assert ran.stderr == ""
