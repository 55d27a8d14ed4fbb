"""Where a model is served: an address, a key, and whom to ask when it fails."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr


@dataclass(frozen=True)
class Endpoint:
    """An address that speaks OpenAI's API, and the settings that lead there.

    `url` ends in the API's root (its `/v1`). The settings are the names a message can
    tell the user to change.
    """

    url: str
    key: SecretStr
    model: str
    url_setting: str = "RAG_BASE_URL"
    model_setting: str = "RAG_LLM_MODEL"
    seconds: float = 120.0
    retries: int = 2

    @property
    def shown_url(self) -> str:
        """The address without a user name or password that may be in it."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def open(self) -> "Endpoint":
        """This endpoint: it is there already."""
        return self


class Connection(Protocol):
    """What knows how to come by an endpoint; called on first use, from any thread."""

    def open(self) -> Endpoint:
        """The endpoint, ready to answer; later calls return the same one."""
        ...
