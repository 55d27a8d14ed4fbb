"""Models on SageMaker endpoints, and a local stand-in for the service.

`profiles` is what is known of models, `codecs`, `templates` and `vectors` what their
containers are sent, `reading` what they answer, `manners` what is learnt from refusals;
`target` and `runtime` (or `bearer`) carry it there, `llm` and `embedding` are LlamaIndex's
`SageMakerLLM` and `SageMakerEmbedding` with what they lack, `endpoints` deploys and deletes,
`emulator` speaks SageMaker's protocol on loopback.

Importing this loads nothing; `llm`, `embedding` and `endpoints` need the extra `sagemaker`.
"""

from importlib.util import find_spec

from indexes.errors import SettingsError
from indexes.extras import install


def require_extra() -> None:
    """Check that the extra is installed.

    Raises:
        SettingsError: it is not; the message has the command that installs it.
    """
    wanted = {
        "boto3": ("boto3",),
        "llama-index-llms-sagemaker-endpoint": ("llama_index.llms", "sagemaker_endpoint"),
        "llama-index-embeddings-sagemaker-endpoint": (
            "llama_index.embeddings",
            "sagemaker_endpoint",
        ),
    }
    for package, path in wanted.items():
        if not _found(".".join(path)):
            raise SettingsError(
                f"the provider sagemaker needs the package {package}, which is not installed: "
                + install("sagemaker")
            )


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
