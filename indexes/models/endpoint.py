"""Where a model is served: an address, a key, and what to change when it fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import SecretStr

# What people copy from examples along with an API's root.
_ROUTES = ("/chat/completions", "/completions", "/embeddings")

# Sent to servers that ask for no key: the client insists on one.
NO_KEY = "none"
# What LlamaIndex's constructors ask for and would else take from OPENAI_API_KEY: a key for
# one service must not be sent to another.
UNUSED = {"api_key": "unused", "api_base": "unused", "max_retries": 0}


@dataclass(frozen=True)
class Endpoint:
    """An address that speaks OpenAI's API.

    Args:
        url: The API's root, mostly with a `/v1`; a query, such as Azure's `?api-version=…`,
            goes with each request.
        key: Sent as the bearer token; never shown, logged or put into a message.
        model: The model's name there.
        url_setting: What a message tells the user to change when the address is wrong.
        model_setting: The same when the model is wrong.
        seconds: Time to wait for an answer, or for the next piece of a streamed one.
        retries: Repetitions, with growing pauses, after a failure that may pass.
        use_proxy: Whether the environment's proxy settings apply.
        keep_alive: Whether connections are used again. Who closes them after some idle seconds
            closes one now and then on which a question is on its way.
        cache: Folder where what its refusals teach is remembered; None to remember it with
            the model object.
        headers: Sent with each request; as secret as the key.
        ca_bundle: File or folder of certificates to trust beside the usual ones.
        own: Parameters that the user asked for, which a refusal doesn't take out.
        body_setting: What a message tells the user to change when it names one of those.
    """

    url: str
    key: SecretStr
    model: str
    url_setting: str
    model_setting: str
    seconds: float = 120.0
    retries: int = 2
    use_proxy: bool = True
    keep_alive: bool = True
    cache: Path | None = None
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    ca_bundle: Path | None = None
    own: frozenset[str] = frozenset()
    body_setting: str = "RAG_EXTRA_BODY"

    def __post_init__(self) -> None:
        # As files and quoted lines have it.
        object.__setattr__(self, "url", self.url.strip(" \t\r\n'\""))

    @property
    def root(self) -> str:
        """The address without query and route.

        Raises:
            ValueError: it is no address
        """
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/")
        for route in _ROUTES:
            path = path.removesuffix(route)
        return urlunsplit(parts._replace(path=path, query="", fragment=""))

    @property
    def query(self) -> dict[str, str]:
        """The address's query."""
        return dict(parse_qsl(urlsplit(self.url).query))

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
