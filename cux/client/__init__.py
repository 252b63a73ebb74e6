"""The typed client: `Client` for plain programs, `AsyncClient` for asynchronous ones.

    with Client() as client:
        order = client.order_place("smollm2-135m.cpu-spot", "buy", quantity_lots=5, price_ticks=2_000)

Address and API key come from the arguments, else from CUX_URL and CUX_API_KEY, else from what
`cux login` stored. Both clients have the same methods; what they send and read is in `cux.client.calls`.
"""

from cux.client.asynchronous import AsyncClient
from cux.client.errors import (
    AuthenticationError,
    ConflictError,
    CuxAPIError,
    CuxConnectionError,
    CuxError,
    InsufficientFundsError,
    InvalidAnswerError,
    InvalidRequestError,
    NotFoundError,
    OutOfStepError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnavailableError,
)
from cux.client.retry import RetryPolicy
from cux.client.sync import Client

__all__ = [
    "AsyncClient",
    "AuthenticationError",
    "Client",
    "ConflictError",
    "CuxAPIError",
    "CuxConnectionError",
    "CuxError",
    "InsufficientFundsError",
    "InvalidAnswerError",
    "InvalidRequestError",
    "NotFoundError",
    "OutOfStepError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RetryPolicy",
    "ServerError",
    "UnavailableError",
]
