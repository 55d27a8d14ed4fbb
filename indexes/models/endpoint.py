"""Where a model is served: an address, a key, and what to change when it fails."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr


@dataclass(frozen=True)
class Endpoint:
    """An address that speaks OpenAI's API.

    Args:
        url: The API's root, with its `/v1`.
        key: Sent as the bearer token; never shown, logged or put into a message.
        model: The model's name there.
        url_setting: What a message tells the user to change when the address is wrong.
        model_setting: The same when the model is wrong.
        seconds: Time to wait for an answer, or for the next piece of a streamed one.
        retries: Repetitions, with growing pauses, after a failure that may pass.
        use_proxy: Whether the environment's proxy settings apply.
    """

    url: str
    key: SecretStr
    model: str
    url_setting: str
    model_setting: str
    seconds: float = 120.0
    retries: int = 2
    use_proxy: bool = True

    def open(self) -> "Endpoint":
        """This endpoint itself: a remote server is there already."""
        return self

    def __str__(self) -> str:
        """Model and address, without a user name or password that may be in the URL."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return f"{self.model} at an address that cannot be read"
        host = parts.netloc.rpartition("@")[2]
        return f"{self.model} at {urlunsplit(parts._replace(netloc=host, query=''))}"


class Connection(Protocol):
    """What knows how to come by an endpoint; called on first use, from any thread."""

    def open(self) -> Endpoint:
        """The endpoint, ready to answer; later calls return the same one."""
        ...
