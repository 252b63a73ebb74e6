"""Every error CUX answers with: one closed list of codes, one shape on every path.

The shape is `{"error": {"type", "code", "message", "param", "request_id"}}`. A code is stable and
documented in `docs/errors.md` (generated from this list); a message is for people and may change.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any


class ErrorType(Enum):
    """The families of errors, as OpenAI's and Stripe's clients know them."""

    INVALID_REQUEST = "invalid_request_error"
    AUTHENTICATION = "authentication_error"
    PERMISSION = "permission_error"
    NOT_FOUND = "not_found_error"
    CONFLICT = "conflict_error"
    FUNDS = "insufficient_funds_error"
    RATE_LIMIT = "rate_limit_error"
    UNAVAILABLE = "unavailable_error"
    API = "api_error"


@dataclass(frozen=True)
class _Spec:
    status: int
    type: ErrorType
    message: str


def _bad(message: str, status: int = 400) -> _Spec:
    return _Spec(status, ErrorType.INVALID_REQUEST, message)


class Code(Enum):
    """The closed list. The member's lower-case name is the code on the wire."""

    # -- the request itself
    MALFORMED_JSON = _bad("The body is not valid JSON.")
    INVALID_FIELD = _bad("A field has a value that is not allowed.")
    UNSUPPORTED_PARAMETER = _bad("This parameter is not supported.")
    BODY_TOO_LARGE = _bad("The body is too large.", 413)
    METHOD_NOT_ALLOWED = _bad("This method is not allowed here.", 405)
    UNSUPPORTED_MEDIA_TYPE = _bad("Send application/json.", 415)
    NOT_FOUND = _Spec(404, ErrorType.NOT_FOUND, "There is nothing at this address.")
    # -- who is asking
    INVALID_API_KEY = _Spec(
        401, ErrorType.AUTHENTICATION, "The API key is missing, unknown, expired or revoked."
    )
    OTHER_MARKET_MODE = _Spec(
        401, ErrorType.AUTHENTICATION, "This API key is for the other market, test or live."
    )
    MISSING_SCOPE = _Spec(403, ErrorType.PERMISSION, "This API key lacks the scope for that.")
    TEST_MARKET_ONLY = _Spec(403, ErrorType.PERMISSION, "That exists on a test market only.")
    ADDRESS_NOT_ALLOWED = _Spec(403, ErrorType.PERMISSION, "This API key may not be used from this address.")
    TOO_MANY_KEYS = _Spec(409, ErrorType.CONFLICT, "There are too many live API keys; revoke one first.")
    TOO_MANY_WEBHOOKS = _Spec(409, ErrorType.CONFLICT, "There are too many webhooks; remove one first.")
    ORGANISATION_BANNED = _Spec(
        403, ErrorType.PERMISSION, "This organisation is banned; write to the exchange about it."
    )
    FORBIDDEN = _Spec(403, ErrorType.PERMISSION, "This account may not do that.")
    SECOND_FACTOR_MISSING = _Spec(
        403,
        ErrorType.PERMISSION,
        "Set up a second factor on your account's page first.",
    )
    SECOND_FACTOR_REQUIRED = _Spec(
        403, ErrorType.PERMISSION, "This needs a fresh code of your second factor (X-CUX-One-Time-Code)."
    )
    SECOND_FACTOR_WRONG = _Spec(
        403, ErrorType.PERMISSION, "That code is not right, or was used already; wait for the next one."
    )
    SECOND_FACTOR_EXISTS = _Spec(409, ErrorType.CONFLICT, "There is a second factor already.")
    # -- idempotency
    IDEMPOTENCY_KEY_REUSED = _Spec(
        409, ErrorType.CONFLICT, "This idempotency key was used with another body; nothing was done."
    )
    CONFIRMATION_WRONG = _Spec(
        422, ErrorType.INVALID_REQUEST, "That is not the organisation's name; nothing was erased."
    )
    JOBS_UNDER_WAY = _Spec(
        409, ErrorType.CONFLICT, "Jobs are under way; cancel them or wait. Nothing was erased."
    )
    ANSWER_NOT_KEPT = _Spec(
        409,
        ErrorType.CONFLICT,
        "The job of this idempotency key has ended and its answer is not kept; nothing was run again.",
    )
    DUPLICATE_CLIENT_ORDER_ID = _Spec(
        409, ErrorType.CONFLICT, "This client_order_id was used for another order; nothing was done."
    )
    # -- orders
    UNKNOWN_INSTRUMENT = _Spec(404, ErrorType.NOT_FOUND, "There is no such instrument.")
    UNKNOWN_ORDER = _Spec(404, ErrorType.NOT_FOUND, "There is no such open order of this account.")
    PRICE_NOT_ON_TICK = _bad("The price is not a whole number of ticks.", 422)
    PRICE_OUT_OF_BAND = _bad("The price is outside the instrument's band.", 422)
    QUANTITY_OUT_OF_RANGE = _bad("The quantity is outside what the instrument allows.", 422)
    NUMBER_TOO_LARGE = _bad("The number is too large.", 422)
    INVALID_TIME_IN_FORCE = _bad("This time in force does not go with this order.", 422)
    ORDER_KIND_DISABLED = _Spec(
        409, ErrorType.CONFLICT, "Orders of this kind are switched off; plain limit and market orders go on."
    )
    POST_ONLY_WOULD_TAKE = _bad("A post-only order would have taken liquidity; nothing was done.", 422)
    TOO_MANY_MATCHES = _bad("The order would meet too many others at once; send it in parts.", 422)
    MAY_ONLY_IMPROVE = _Spec(
        409, ErrorType.CONFLICT, "Near its end an auction lets orders only improve; nothing was done."
    )
    AUCTION_RUNNING = _Spec(409, ErrorType.CONFLICT, "An auction of this instrument is running.")
    UNKNOWN_STANDING_OFFER = _Spec(
        404, ErrorType.NOT_FOUND, "There is no such standing offer of this account."
    )
    TIER_WITHOUT_EVIDENCE = _Spec(
        409, ErrorType.CONFLICT, "The provider was never audited: its tier stays; nothing changed."
    )
    APPEAL_NOT_POSSIBLE = _Spec(
        409, ErrorType.CONFLICT, "This failure cannot be appealed, or not decided, now; nothing changed."
    )
    INSTRUMENT_NOT_TRADING = _Spec(409, ErrorType.CONFLICT, "The instrument's phase does not allow that.")
    ACCOUNT_BLOCKED = _Spec(403, ErrorType.PERMISSION, "This account may not trade.")
    TOO_MANY_OPEN_ORDERS = _Spec(409, ErrorType.CONFLICT, "This account has as many open orders as it may.")
    NOTIONAL_LIMIT = _bad("The order is worth more than is allowed.", 422)
    ENTITLEMENT_NOT_SELLABLE = _Spec(
        409, ErrorType.CONFLICT, "As much of this entitlement cannot be sold on; nothing was done."
    )
    TRADE_NOT_BUSTABLE = _Spec(
        409,
        ErrorType.CONFLICT,
        "The compute of this trade was drawn, reserved or sold on, or has ended; nothing moved.",
    )
    SAME_OPERATOR = _Spec(403, ErrorType.PERMISSION, "Another operator has to approve this.")
    MONEY_ACTION_LAPSED = _Spec(
        409, ErrorType.CONFLICT, "Nobody approved this within 24 hours; propose it again. Nothing moved."
    )
    INSUFFICIENT_BALANCE = _Spec(402, ErrorType.FUNDS, "There is not enough money available; nothing moved.")
    HOLD_EXPIRED = _Spec(409, ErrorType.CONFLICT, "The amount was set aside for a time that has passed.")
    HOLD_NOT_COVERING = _Spec(
        409, ErrorType.CONFLICT, "Less is set aside than was to be taken or given back; nothing moved."
    )
    INSUFFICIENT_CAPACITY = _Spec(
        409, ErrorType.CONFLICT, "The order is larger than the measured capacity left; nothing was done."
    )
    NO_CAPACITY = _Spec(409, ErrorType.CONFLICT, "This account has no measured capacity in this class.")
    SEQUENCER_BUSY = _Spec(503, ErrorType.UNAVAILABLE, "The exchange is busy; try again shortly.")
    SEQUENCER_UNAVAILABLE = _Spec(
        503, ErrorType.UNAVAILABLE, "The exchange is restarting; retry with the same key."
    )
    # -- payouts and disputes
    PAYEE_NOT_READY = _Spec(
        409, ErrorType.CONFLICT, "Nobody can be paid yet: finish telling the payment service whom and where."
    )
    MONEY_STOPPED = _Spec(
        503, ErrorType.UNAVAILABLE, "Nothing is paid out or refunded for now; nothing moved. Try again later."
    )
    PAYOUT_TOO_SMALL = _bad("Less can be paid out than the least; nothing moved.", 422)
    PAYOUT_NOT_BLOCKED = _Spec(409, ErrorType.CONFLICT, "This payout waits for nobody.")
    DEBT_OPEN = _Spec(
        409, ErrorType.CONFLICT, "A disputed payment left something owing; it has to be repaid first."
    )
    # -- jobs
    UNKNOWN_MODEL = _Spec(404, ErrorType.NOT_FOUND, "There is no such model.")
    IMPLAUSIBLE_MEASUREMENT = _bad("What was measured can not be true by the compute card.", 422)
    CONTEXT_LENGTH_EXCEEDED = _bad("The prompt and the answer do not fit into the model's context.")
    BUDGET_TOO_SMALL = _bad("The compute budget does not cover one token.", 422)
    BUDGET_EXCEEDED = _Spec(
        402, ErrorType.FUNDS, "The job may cost more than a budget has left in this window; nothing moved."
    )
    INSUFFICIENT_ENTITLEMENT = _Spec(
        402, ErrorType.FUNDS, "The live entitlements do not cover this job; buy compute units first."
    )
    PUBLIC_ACCESS_LIMIT = _Spec(
        429, ErrorType.RATE_LIMIT, "What is free of charge a day is used up; wait for the next, or add money."
    )
    PUBLIC_ACCESS_EMPTY = _Spec(
        402,
        ErrorType.FUNDS,
        "The public-access pool holds too little for this job now; try again later, or add money.",
    )
    BOUGHT_IN_PART = _Spec(
        409,
        ErrorType.CONFLICT,
        "Only a part of the compute for this job could be bought; it stays yours, and the job was not run.",
    )
    ENTITLEMENT_EXPIRED = _Spec(409, ErrorType.CONFLICT, "The entitlement's window has ended.")
    DRAW_LIMIT = _Spec(
        429,
        ErrorType.RATE_LIMIT,
        "Too much is reserved on this provider at once; the job would have to wait.",
    )
    JOB_FAILED = _Spec(502, ErrorType.API, "No provider could finish the job; nothing was charged.")
    JOB_TIMED_OUT = _Spec(504, ErrorType.API, "The job was not finished in time; nothing was charged.")
    JOB_CANCELED = _Spec(
        409,
        ErrorType.CONFLICT,
        "The job was stopped by its caller before its first token; nothing was charged.",
    )
    UNKNOWN_ADAPTIVE_REQUEST = _Spec(
        404, ErrorType.NOT_FOUND, "There is no such adaptive request of this account."
    )
    UNKNOWN_JOB = _Spec(404, ErrorType.NOT_FOUND, "There is no such job of this account.")
    # -- files and batches
    UNKNOWN_FILE = _Spec(404, ErrorType.NOT_FOUND, "There is no such file of this account.")
    FILE_TOO_LARGE = _bad("The file is too large; send it in parts.", 413)
    FILE_STORAGE_FULL = _Spec(
        409, ErrorType.CONFLICT, "The files of this account take as much room as they may; delete some first."
    )
    FILE_IN_USE = _Spec(409, ErrorType.CONFLICT, "A batch has yet to read this file; nothing was deleted.")
    UNKNOWN_BATCH = _Spec(404, ErrorType.NOT_FOUND, "There is no such batch of this account.")
    BATCH_NOT_CANCELLABLE = _Spec(409, ErrorType.CONFLICT, "The batch has ended; nothing changed.")
    TOO_MANY_BATCHES = _Spec(
        409, ErrorType.CONFLICT, "As many batches of this account are open as may be; wait for one to end."
    )
    TOO_MANY_LINES = _bad("The file has more lines than a batch may have.", 422)
    DUPLICATE_CUSTOM_ID = _bad("Another line of the file has the same custom_id.")
    BATCH_EXPIRED = _Spec(
        409, ErrorType.CONFLICT, "This request could not be run before the completion window was over."
    )
    BATCH_CANCELLED = _Spec(409, ErrorType.CONFLICT, "The batch was cancelled before this request was run.")
    # -- providers
    INVALID_ENROL_TOKEN = _Spec(401, ErrorType.AUTHENTICATION, "The enrol token is unknown or already used.")
    LEASE_SUPERSEDED = _Spec(409, ErrorType.CONFLICT, "The lease was given to somebody else.")
    SIGNATURE_INVALID = _bad("The signature does not verify.", 422)
    # -- payments
    WEBHOOK_SIGNATURE_INVALID = _bad("The event is not signed for us, or was signed too long ago.")
    PAYMENT_DECLINED = _Spec(402, ErrorType.FUNDS, "The card was declined; nothing was charged.")
    UNKNOWN_PAYMENT_METHOD = _Spec(404, ErrorType.NOT_FOUND, "There is no such saved card of this account.")
    TOO_MANY_PAYMENTS = _Spec(
        429, ErrorType.RATE_LIMIT, "Too many payments were tried within the hour; try again later."
    )
    NOTHING_TO_REFUND = _Spec(
        409, ErrorType.CONFLICT, "No more of what was paid in by card is unspent; nothing was refunded."
    )
    # -- the rest
    RATE_LIMITED = _Spec(429, ErrorType.RATE_LIMIT, "Too many requests; wait and try again.")
    TOO_MANY_STREAMS = _Spec(
        503, ErrorType.UNAVAILABLE, "This server holds as many streams as it can; try again later."
    )
    SLOW_READER = _Spec(
        429, ErrorType.RATE_LIMIT, "This stream was not read for too long and is closed; open it again."
    )
    DEPENDENCY_UNAVAILABLE = _Spec(
        503, ErrorType.UNAVAILABLE, "A part of the service is unavailable; try again."
    )
    INTERNAL = _Spec(500, ErrorType.API, "Something went wrong on our side; it was logged.")

    @property
    def wire(self) -> str:
        """Return the code as clients see it."""
        return self.name.lower()

    @classmethod
    def of_wire(cls, wire: str, otherwise: "Code") -> "Code":
        """Return the code that clients see as `wire`; `otherwise` if none is."""
        return cls.__members__.get(wire.upper(), otherwise)

    @property
    def spec(self) -> _Spec:
        """Return status, type and default message."""
        return self.value


class CuxError(Exception):
    """A refusal with a code from the closed list. Nothing has moved when it is raised."""

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Keep the code, the message (the code's own if absent), the field and when to retry."""
        self.code = code
        self.message = message or code.spec.message
        self.param = param
        self.retry_after_s = retry_after_s
        super().__init__(f"{code.wire}: {self.message}")

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.code.spec.status

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the one error shape."""
        return {
            "error": {
                "type": self.code.spec.type.value,
                "code": self.code.wire,
                "message": self.message,
                "param": self.param,
                "request_id": request_id,
            }
        }
