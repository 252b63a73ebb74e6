"""The client for asynchronous programs. Its twin is `cux.client.sync`; both share everything but the I/O."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from cux.client.call import Call, next_page
from cux.client.calls import (
    account,
    audits,
    batches,
    charts,
    compute,
    content,
    documents,
    efficiency,
    keys,
    ledger,
    market,
    operators,
    payments,
    payouts,
    request_batches,
    webhooks,
)
from cux.client.config import resolve
from cux.client.errors import CuxConnectionError, CuxError
from cux.client.methods import named_after
from cux.client.retry import RetryPolicy
from cux.client.sse import Decoder, Event
from cux.client.streams import AccountStream, BookStream, Reader
from cux.client.transport import (
    END_OF_CHAT,
    OnRequest,
    Watch,
    build_request,
    default_headers,
    failure_of,
    streamed,
    unreachable,
)
from cux.client.views import Account, Market, Page

P = ParamSpec("P")
T = TypeVar("T")


def _one(build: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]":
    @named_after(build)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(build(*args, **kwargs))

    return method


def _list(
    build: Callable[P, Call[Page[T]]],
) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, list[T]]]":
    @named_after(build)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> list[T]:
        return (await self.send(build(*args, **kwargs))).data

    return method


def _pages(build: Callable[P, Call[Page[T]]]) -> "Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]":
    @named_after(build)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        call: Call[Page[T]] | None = build(*args, **kwargs)
        while call is not None:
            page = await self.send(call)
            for row in page.data:
                yield row
            call = next_page(call, page)

    return method


def _answer(build: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]":
    @named_after(build)
    def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        return self.follow(build(*args, **kwargs))

    return method


@asynccontextmanager
async def _closing(response: httpx.Response) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await response.aclose()


class AsyncClient:
    """A connection to one exchange, for one event loop; use it in an `async with` statement.

    Methods raise the errors of `cux.client.errors`. What may be repeated without harm is repeated after a
    lost connection, 429 or 503, under the same idempotency key.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        timeout_s: float = 30.0,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        """Find out where to connect and with which key (`cux.client.config.resolve`); connect later.

        Args:
            url: the exchange's address, such as `http://127.0.0.1:8000`.
            api_key: `sk_live_…`; market data needs none.
            profile: which profile of the configuration file to use.
            timeout_s: how long to wait for the next byte of an answer.
            retry: how often and how patiently to repeat.
            transport: another httpx transport, for tests.
            on_request: is shown every request before it is sent.

        Raises:
            ConfigError: the configuration file is malformed, or has no such profile.
        """
        self.access = resolve(url=url, api_key=api_key, profile=profile)
        self._retry = retry or RetryPolicy()
        self._on_request = on_request
        self._http = httpx.AsyncClient(
            base_url=self.access.url,
            headers=default_headers(self.access),
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            transport=transport,
        )

    instrument_list = _list(market.instrument_list)
    instrument_get = _one(market.instrument_get)
    book_get = _one(market.book_get)
    trade_list = _pages(market.trade_list)

    candle_list = _list(charts.candle_list)
    stats_get = _one(charts.stats_get)
    resale_list = _list(charts.resale_list)
    index_list = _list(charts.index_list)
    index_history = _pages(charts.index_history)
    auction_list = _pages(charts.auction_list)
    auction_get = _one(charts.auction_get)

    order_place = _one(account.order_place)
    order_preview = _one(account.order_preview)
    order_batch = _one(account.order_batch)
    order_replace = _one(account.order_replace)
    order_cancel = _one(account.order_cancel)
    order_cancel_all = _one(account.order_cancel_all)
    order_get = _one(account.order_get)
    order_find = _one(account.order_find)
    order_list = _pages(account.order_list)
    dead_man_set = _one(batches.dead_man_set)
    dead_man_get = _one(batches.dead_man_get)
    standing_offer_list = _list(batches.standing_offer_list)
    standing_offer_set = _one(batches.standing_offer_set)
    standing_offer_withdraw = _one(batches.standing_offer_withdraw)
    entitlement_sell = _one(batches.entitlement_sell)
    balance_get = _one(account.balance_get)
    paper_fund = _one(account.paper_fund)
    entitlement_list = _list(account.entitlement_list)

    deposit_create = _one(payments.deposit_create)
    deposit_get = _one(payments.deposit_get)
    deposit_list = _pages(payments.deposit_list)
    refund_preview = _one(payments.refund_preview)
    refund_create = _list(payments.refund_create)
    refund_get = _one(payments.refund_get)
    refund_list = _pages(payments.refund_list)
    payment_method_list = _list(payments.payment_method_list)
    payment_method_setup = _one(payments.payment_method_setup)
    payment_method_default = _one(payments.payment_method_default)
    payment_method_forget = _one(payments.payment_method_forget)
    auto_top_up_get = _one(payments.auto_top_up_get)
    auto_top_up_set = _one(payments.auto_top_up_set)
    auto_top_up_end = _one(payments.auto_top_up_end)
    payee_get = _one(payouts.payee_get)
    payee_onboard = _one(payouts.payee_onboard)
    payout_create = _one(payouts.payout_create)
    payout_get = _one(payouts.payout_get)
    payout_list = _pages(payouts.payout_list)
    dispute_list = _pages(payouts.dispute_list)
    reconciliation_list = _list(payouts.reconciliation_list)
    billing_profile_get = _one(documents.billing_profile_get)
    billing_profile_set = _one(documents.billing_profile_set)
    invoice_list = _pages(documents.invoice_list)
    invoice_get = _one(documents.invoice_get)
    invoice_pdf = _one(documents.invoice_pdf)
    statement_get = _one(documents.statement_get)
    statement_pdf = _one(documents.statement_pdf)
    usage_list = _list(documents.usage_list)
    usage_export = _one(documents.usage_export)
    budget_list = _list(documents.budget_list)
    budget_set = _one(documents.budget_set)
    budget_end = _one(documents.budget_end)

    api_key_list = _list(keys.api_key_list)
    api_key_create = _one(keys.api_key_create)
    api_key_revoke = _one(keys.api_key_revoke)
    content_forget = _one(content.content_forget)
    abuse_report_list = _list(content.abuse_report_list)
    abuse_report_create = _one(content.abuse_report_create)

    webhook_list = _list(webhooks.webhook_list)
    webhook_create = _one(webhooks.webhook_create)
    webhook_remove = _one(webhooks.webhook_remove)
    webhook_delivery_list = _list(webhooks.webhook_delivery_list)
    webhook_replay = _one(webhooks.webhook_replay)

    instrument_kill = _one(operators.instrument_kill)
    phase_set = _one(operators.phase_set)
    account_set = _one(operators.account_set)
    fee_tier_set = _one(operators.fee_tier_set)
    auction_start = _one(operators.auction_start)
    bust_list = _list(operators.bust_list)
    bust_request = _one(operators.bust_request)
    bust_approve = _one(operators.bust_approve)
    surveillance = _list(operators.surveillance)
    audit_list = _pages(operators.audit_list)
    money_action_list = _pages(operators.money_action_list)
    money_action_propose = _one(operators.money_action_propose)
    money_action_approve = _one(operators.money_action_approve)
    operator_abuse_report_list = _list(operators.operator_abuse_report_list)
    abuse_report_decide = _one(operators.abuse_report_decide)
    ban_list = _list(operators.ban_list)
    ban_create = _one(operators.ban_create)
    ban_lift = _one(operators.ban_lift)

    model_list = _list(compute.model_list)
    quote_create = _one(compute.quote_create)
    chat = _one(compute.chat)
    chat_stream = _answer(compute.chat_stream)
    complete = _one(request_batches.complete)
    file_upload = _one(request_batches.file_upload)
    file_list = _one(request_batches.file_list)
    file_get = _one(request_batches.file_get)
    file_content = _one(request_batches.file_content)
    file_delete = _one(request_batches.file_delete)
    batch_create = _one(request_batches.batch_create)
    batch_list = _one(request_batches.batch_list)
    batch_get = _one(request_batches.batch_get)
    batch_cancel = _one(request_batches.batch_cancel)
    job_list = _pages(compute.job_list)
    job_get = _one(compute.job_get)
    adaptive_request_get = _one(compute.adaptive_request_get)
    receipt_get = _one(compute.receipt_get)
    key_list = _one(compute.key_list)
    ledger_head_get = _one(ledger.ledger_head_get)
    ledger_head_at = _one(ledger.ledger_head_at)
    ledger_head_list = _pages(ledger.ledger_head_list)
    job_audit_list = _pages(audits.job_audit_list)
    audit_day_list = _list(audits.audit_day_list)
    reputation_get = _one(audits.reputation_get)
    audit_failure_list = _list(audits.audit_failure_list)
    appeal_open = _one(audits.appeal_open)
    operator_audit_failure_list = _list(audits.operator_audit_failure_list)
    appeal_decide = _one(audits.appeal_decide)
    tier_set = _one(audits.tier_set)
    receipt_heads_get = _one(audits.receipt_heads_get)
    efficiency_list = _pages(efficiency.efficiency_list)
    efficiency_rows = _one(efficiency.efficiency_rows)
    card_get = _one(compute.card_get)
    card_list = _list(compute.card_list)
    provider_list = _list(compute.provider_list)

    async def send(self, call: Call[T]) -> T:
        """Send a call, repeating it where that is safe, and return its answer."""
        return call.parse((await self._response(call, stream=False)).content)

    async def follow(self, call: Call[T]) -> AsyncIterator[T]:
        """Send a call whose answer is a stream with an end, and yield what comes."""
        response = await self._response(call, stream=True)
        async with _closing(response):
            async for event in self._events(response, Decoder()):
                if event.data == END_OF_CHAT:
                    return
                yield streamed(event, call.shape)
        raise CuxConnectionError("The answer broke off before its end.")

    def market_watch(self, instrument: str, *, depth: int = 20) -> AsyncIterator[Market]:
        """Iterate over what happens on a market, without end: the book at every event, trades once each.

        The book is verified by checksums. After a lost connection nothing is left out; where the exchange
        does not keep what was missed, or the book turns out wrong, it begins again with a snapshot.
        """
        return self.watch(market.market_stream(instrument), BookStream(instrument, depth=depth))

    def account_watch(self, *, cancel_on_disconnect: bool = False) -> AsyncIterator[Account]:
        """Iterate over what happens to the organisation's orders and wallet, without end or gaps.

        With `cancel_on_disconnect` all its open orders are cancelled when this connection ends, however it
        ends; that needs the scope `trade`.
        """
        return self.watch(account.account_stream(cancel_on_disconnect=cancel_on_disconnect), AccountStream())

    async def watch(self, call: Call[Any], reader: Reader[T]) -> AsyncIterator[T]:
        """Send a call whose answer is a stream without end; after a lost connection go on where it was."""
        place = Watch(call, reader, self._retry)
        while True:
            try:
                response = await self._attempt(call, stream=True, **place.headers())
                async with _closing(response):
                    async for event in self._events(response, Decoder(place.last_id)):
                        yield place.take(event)
                failure: CuxError = CuxConnectionError("The stream ended.")
            except CuxError as error:
                failure = error
            await asyncio.sleep(place.pause_s(failure))

    def prepare(self, call: Call[Any], **headers: str) -> httpx.Request:
        """Return the HTTP request for a call, which is not sent."""
        return build_request(self._http, call, **headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Return the client; it is closed when the block ends."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.close()

    async def _response(self, call: Call[T], *, stream: bool) -> httpx.Response:
        attempt = 0
        while True:
            try:
                return await self._attempt(call, stream=stream)
            except CuxError as error:
                pause_s = self._retry.pause_s(call, error, attempt)
                if pause_s is None:
                    error.idempotency_key = call.idempotency_key
                    raise
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _attempt(self, call: Call[T], *, stream: bool, **headers: str) -> httpx.Response:
        request = self.prepare(call, **headers)
        if self._on_request is not None:
            self._on_request(request)
        try:
            response = await self._http.send(request, stream=stream)
            if not response.is_success:
                await response.aread()
        except httpx.RequestError as error:
            raise unreachable(self._http, error) from error
        failure = failure_of(response)
        if failure is not None:
            raise failure
        return response

    async def _events(self, response: httpx.Response, decoder: Decoder) -> AsyncIterator[Event]:
        try:
            async for piece in response.aiter_bytes():
                for event in decoder.feed(piece):
                    yield event
        except httpx.RequestError as error:
            raise unreachable(self._http, error) from error
