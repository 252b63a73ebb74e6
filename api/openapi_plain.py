"""The description of the addresses answered past Django: what drf-spectacular cannot see.

A test holds it against `api.routes.ROUTES`.
"""

from typing import Any, Final

from api.openai.parameters import ChatRequest, CompletionRequest
from api.openapi import Schema, list_of, ref
from api.v1.shapes import AccountSnapshot
from cux.wire.batches import (
    Batch,
    BatchView,
    CanceledView,
    DeadMan,
    DeadManView,
    PreviewView,
    StandingOffer,
    StandingOfferView,
)
from cux.wire.documents import UsageRow
from cux.wire.openai import BatchJob, BatchJobList, FileDeleted, FileList, FileView, NewBatch
from cux.wire.orders import NewOrder, OrderView, ReplaceOrder
from cux.wire.streams import AccountDelta, MarketDelta, MarketSnapshot

_JSON: Final = "application/json"
_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_FORM: Final = "multipart/form-data"
_KEY: Final[Schema] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 characters. The same key with the same body gets the same answer; with "
    "another body, 409. It is known for at least 30 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_LAST_EVENT: Final[Schema] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The `id` of the last event that was received: the stream goes on after it.",
    "schema": {"type": "string"},
}
_OBJECT: Final[Schema] = {"type": "object"}


def _in_path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(name: str, more: Schema | None = None) -> Schema:
    schema = {"type": "string"} | (more or {})
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _answer(description: str, schema: Schema, media_type: str = _JSON) -> Schema:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _operation(
    operation_id: str,
    tag: str,
    description: str,
    answers: dict[str, Schema],
    *,
    parameters: tuple[Schema, ...] = (),
    body: type | None = None,
    form: dict[str, Schema] | None = None,
    needs_key: bool = True,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id,
        "description": description,
        "tags": [tag],
        "security": [{"apiKey": []}] if needs_key else [{}],
        "responses": answers,
    }
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": ref(body)}}}
    if form is not None:
        fields = {"type": "object", "required": sorted(form), "properties": form}
        operation["requestBody"] = {"required": True, "content": {_FORM: {"schema": fields}}}
    return operation


def _stream(
    operation_id: str, description: str, shapes: tuple[type, ...], *parameters: Schema, needs_key: bool
) -> Schema:
    one_of = {"oneOf": [ref(shape) for shape in shapes]}
    answer = _answer("Server-sent events; the data of each is one of these.", one_of, "text/event-stream")
    return _operation(
        operation_id,
        "streams",
        description,
        {"200": answer},
        parameters=(*parameters, _LAST_EVENT),
        needs_key=needs_key,
    )


def _probe(operation_id: str, description: str, media_type: str = _JSON, down: str | None = None) -> Schema:
    answers = {
        "200": _answer(description, _OBJECT if media_type == _JSON else {"type": "string"}, media_type)
    }
    if down is not None:
        answers["503"] = _answer(down, _OBJECT)
    return _operation(operation_id, "operations", description, answers, needs_key=False)


_PAGE: Final = (
    _in_query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    _in_query("after"),
)
PLAIN_PATHS: Final[dict[str, dict[str, Any]]] = {
    "/v1/orders": {
        "post": _operation(
            "order_place",
            "orders",
            "Place an order. Needs the scope `trade`. Prices are ticks, quantities lots.",
            {"201": _answer("The order after matching.", ref(OrderView))},
            parameters=(_KEY,),
            body=NewOrder,
        ),
        "delete": _operation(
            "orders_cancel",
            "orders",
            "Cancel all open orders, or those of an instrument, a side, a beginning of `client_order_id`. "
            "Needs the scope `trade`.",
            {"200": _answer("What was cancelled.", ref(CanceledView))},
            parameters=(
                _KEY,
                _in_query("instrument"),
                _in_query("side", {"enum": ["buy", "sell"]}),
                _in_query("client_order_id_prefix"),
            ),
        ),
    },
    "/v1/orders/preview": {
        "post": _operation(
            "order_preview",
            "orders",
            "Say what an order would come to if it were placed now; nothing is placed. "
            "Needs the scope `trade`.",
            {"200": _answer("The order as it would stand.", ref(PreviewView))},
            body=NewOrder,
        )
    },
    "/v1/orders/batch": {
        "post": _operation(
            "orders_batch",
            "orders",
            "Decide up to 200 orders, cancellations and replacements in this order. Each has its own result, "
            "and one that is refused stops no other. Needs the scope `trade`.",
            {"200": _answer("A result for each item.", ref(BatchView))},
            parameters=(_KEY,),
            body=Batch,
        )
    },
    "/v1/orders/{order_id}": {
        "delete": _operation(
            "order_cancel",
            "orders",
            "Cancel an open order. Needs the scope `trade`.",
            {"200": _answer("The order as it ended.", ref(OrderView))},
            parameters=(_in_path("order_id"), _KEY),
        )
    },
    "/v1/orders/{order_id}/replace": {
        "post": _operation(
            "order_replace",
            "orders",
            "Give an open order another price and open quantity. Needs the scope `trade`.",
            {"200": _answer("The order as it is now.", ref(OrderView))},
            parameters=(_in_path("order_id"), _KEY),
            body=ReplaceOrder,
        )
    },
    "/v1/dead-man": {
        "put": _operation(
            "dead_man_set",
            "orders",
            "Have all open orders cancelled in `timeout_s` unless this is said again; 0 switches it off. "
            "Needs the scope `trade`.",
            {"200": _answer("The switch as it is set now.", ref(DeadManView))},
            parameters=(_KEY,),
            body=DeadMan,
        )
    },
    "/v1/standing-offers": {
        "put": _operation(
            "standing_offer_set",
            "orders",
            "Offer idle capacity in every auction of an instrument until withdrawn, in place of what was "
            "offered there before. Needs the scope `trade`.",
            {"200": _answer("The offer as it stands.", ref(StandingOfferView))},
            parameters=(_KEY,),
            body=StandingOffer,
        )
    },
    "/v1/standing-offers/{standing_offer_id}": {
        "delete": _operation(
            "standing_offer_withdraw",
            "orders",
            "Let a standing offer enter no further auction; its order in a running one stays. "
            "Needs the scope `trade`.",
            {"200": _answer("The offer as it ended.", ref(StandingOfferView))},
            parameters=(_in_path("standing_offer_id"), _KEY),
        )
    },
    "/v1/chat/completions": {
        "post": _operation(
            "chat_completion_create",
            "openai",
            "OpenAI's chat completions. Needs the scope `infer`. `usage.cux` says what was metered and "
            "charged. Parameters that are not supported are refused, never ignored (docs/openai.md).",
            {"200": _answer("A chat.completion, or with `stream` chunks as server-sent events.", _OBJECT)},
            parameters=(_KEY,),
            body=ChatRequest,
        )
    },
    "/v1/completions": {
        "post": _operation(
            "completion_create",
            "openai",
            "OpenAI's plain completions, of a text or of token ids. Needs the scope `infer`. As chats in "
            "everything else.",
            {"200": _answer("A text_completion, or with `stream` pieces as server-sent events.", _OBJECT)},
            parameters=(_KEY,),
            body=CompletionRequest,
        )
    },
    "/v1/files": {
        "post": _operation(
            "file_create",
            "openai",
            "Bring a file of requests for a batch, JSON Lines of at most 16 MiB. It is kept sealed for 30 "
            "days, or as `expires_after[seconds]` says. Needs the scope `infer`.",
            {"200": _answer("The file.", ref(FileView))},
            parameters=(_KEY,),
            form={
                "file": _BINARY,
                "purpose": {"type": "string", "enum": ["batch"]},
            },
        ),
        "get": _operation(
            "files_list",
            "openai",
            "List the files, newest first unless `order=asc`. Needs the scope `infer`.",
            {"200": _answer("A page.", ref(FileList))},
            parameters=(
                *_PAGE,
                _in_query("purpose", {"enum": ["batch", "batch_output"]}),
                _in_query("order", {"enum": ["asc", "desc"], "default": "desc"}),
            ),
        ),
    },
    "/v1/files/{file_id}": {
        "get": _operation(
            "file_get",
            "openai",
            "Show one file. Needs the scope `infer`.",
            {"200": _answer("The file.", ref(FileView))},
            parameters=(_in_path("file_id"),),
        ),
        "delete": _operation(
            "file_delete",
            "openai",
            "Delete a file for good. Needs the scope `infer`.",
            {"200": _answer("What is gone.", ref(FileDeleted))},
            parameters=(_in_path("file_id"),),
        ),
    },
    "/v1/files/{file_id}/content": {
        "get": _operation(
            "file_content",
            "openai",
            "Give a file back, byte for byte. Needs the scope `infer`.",
            {"200": _answer("Its bytes.", _BINARY, "application/octet-stream")},
            parameters=(_in_path("file_id"),),
        )
    },
    "/v1/batches": {
        "post": _operation(
            "batch_create",
            "openai",
            "Run the requests of a file within 24 hours, behind all others and on the cheapest compute that "
            "is held; lines wait for it (docs/openai.md). Needs the scope `infer`.",
            {"200": _answer("The batch.", ref(BatchJob))},
            parameters=(_KEY,),
            body=NewBatch,
        ),
        "get": _operation(
            "batches_list",
            "openai",
            "List the batches, newest first. Needs the scope `infer`.",
            {"200": _answer("A page.", ref(BatchJobList))},
            parameters=_PAGE,
        ),
    },
    "/v1/batches/{batch_id}": {
        "get": _operation(
            "batch_get",
            "openai",
            "Show one batch. Needs the scope `infer`.",
            {"200": _answer("The batch.", ref(BatchJob))},
            parameters=(_in_path("batch_id"),),
        )
    },
    "/v1/batches/{batch_id}/cancel": {
        "post": _operation(
            "batch_cancel",
            "openai",
            "Begin no further request of a batch; what runs is finished, and charged. Needs the scope "
            "`infer`.",
            {"200": _answer("The batch, cancelling.", ref(BatchJob))},
            parameters=(_in_path("batch_id"),),
        )
    },
    "/v1/stream/market/{symbol}": {
        "get": _stream(
            "market_stream",
            "Book, trades, phase and auction: `snapshot`, then a `delta` for each change, numbered without "
            "gaps (docs/market-data.md). A reader that is too slow is dropped with an `error`.",
            (MarketSnapshot, MarketDelta),
            _in_path("symbol"),
            needs_key=False,
        )
    },
    "/v1/stream/account": {
        "get": _stream(
            "account_stream",
            "Orders, fills and money: `snapshot`, then `order`, `fill` and `wallet` events, numbered without "
            "gaps. Needs the scope `read`, or the cookie of somebody signed in. With `cancel_on_disconnect`, "
            "which needs the scope `trade`, all open orders are cancelled when the stream ends.",
            (AccountSnapshot, AccountDelta),
            {
                "name": "cancel_on_disconnect",
                "in": "query",
                "required": False,
                "schema": {"type": "boolean", "default": False},
            },
            needs_key=True,
        )
    },
    "/v1/usage": {
        "get": _operation(
            "usage_list",
            "billing",
            "What settled jobs used and cost from `from` until before `to` (the last 31 days), streamed: "
            "each job, oldest first, or grouped, `group_by=model,day`. Tags are requests' `metadata.tag`. "
            "`format=csv` marks cells that a spreadsheet would take for a formula with an apostrophe. "
            "Needs the scope `read`.",
            {
                "200": {
                    "description": "The rows; as `jsonl` one a line, without the list around them.",
                    "content": {
                        _JSON: {"schema": list_of(UsageRow)},
                        "application/x-ndjson": {"schema": ref(UsageRow)},
                        "text/csv": {"schema": {"type": "string"}},
                    },
                }
            },
            parameters=(
                _in_query("from", {"format": "date-time"}),
                _in_query("to", {"format": "date-time"}),
                _in_query("group_by"),
                _in_query("format", {"enum": ["json", "jsonl", "csv"], "default": "json"}),
            ),
        )
    },
    "/healthz": {"get": _probe("healthz", "The process is alive.")},
    "/readyz": {
        "get": _probe(
            "readyz",
            "PostgreSQL, sequencer and broker all answer.",
            down="One of them does not; each is named.",
        )
    },
    "/metrics": {"get": _probe("metrics", "Figures in Prometheus' text format.", "text/plain")},
}
