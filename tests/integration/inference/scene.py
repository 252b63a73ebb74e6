"""A small market to run jobs in: one model, a buyer with entitlements, providers with scripted agents."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from accounts.models import ApiKey, Organisation
from billing.ledger.chart import Kind, of_entitlement, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.services.ledger_post import ledger_post
from core.clock import rfc3339, utc_now
from core.ids import new_id, parse_public_id, public_id
from cux.wire import agent
from cux.wire.card import ComputeCard
from cux.wire.receipt import FinishReason, build_statement, sign_statement
from cux.wire.signing import SigningKey
from exchange.models import ComputeClass, Entitlement, Instrument, Order, Trade
from inference.engines.tokenizer import load_tokenizer
from inference.models import CatalogueModel, Job, Lease, Provider, ProviderModel
from inference.services.heartbeat_record import heartbeat_record
from inference.services.job_create import job_create
from inference.services.job_quote import Quote, job_quote
from inference.services.lease_claim import lease_claim
from inference.services.provider_enrol import provider_create, provider_enrol
from inference.services.relay_checkpoint import relay_checkpoint, relay_deliver
from inference.services.relay_open import Opened, relay_open
from inference.services.sampling import Sampling
from tests.builders import instrument, organisation, unique

EOS = 256


def smollm_card(name: str) -> ComputeCard:
    """SmolLM2-135M's shape under a name of its own; 16,000 is its decode weight (its cap)."""
    return ComputeCard(
        model=name,
        revision="r1",
        precision="bfloat16",
        layers=30,
        hidden_size=576,
        query_heads=9,
        kv_heads=3,
        head_dim=64,
        intermediate_size=1536,
        vocab_size=49152,
        tied_embeddings=True,
        decode_weight_milli=16_000,
    )


def byte_tokenizer(directory: Path) -> None:
    """Write a tokenizer with one token a byte, and a template that is the message's text alone."""
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken("</s>", special=True)])
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))
    (directory / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")


@dataclass
class Agent:
    """A scripted agent: plain calls of what the provider protocol does."""

    provider: Provider
    key: SigningKey
    api_key: str = field(repr=False)
    slots: int = 8

    @property
    def organisation_id(self):
        return self.provider.organisation_id

    def heartbeat(
        self,
        model: CatalogueModel,
        *,
        now: datetime,
        running: Sequence[str] = (),
        ready: bool = True,
        draining: bool = False,
        logprobs: bool = True,
    ) -> agent.HeartbeatResponse:
        sign = agent.Heartbeat(
            provider_id=public_id("provider", self.provider.id),
            running=list(running),
            free_slots=self.slots,
            draining=draining,
            models=[
                agent.ModelState(model=model.name, card_hash=model.card_hash, ready=ready, logprobs=logprobs)
            ],
            sent_at=rfc3339(now),
        )
        return heartbeat_record(provider_id=self.provider.id, heartbeat=sign, now=now)

    def claim(self, *, now: datetime, free_slots: int = 8) -> list[agent.Lease]:
        return lease_claim(provider_id=self.provider.id, free_slots=free_slots, now=now)

    def finished(
        self, lease: agent.Lease, ids: Sequence[int], reason: FinishReason = "stop"
    ) -> agent.FinishedLine:
        statement = build_statement(
            job_id=lease.job_id,
            lease_id=lease.lease_id,
            epoch=lease.epoch,
            provider_id=public_id("provider", self.provider.id),
            model=lease.model,
            model_revision=lease.model_revision,
            card_hash=lease.card_hash,
            prompt_tokens=len(lease.prompt_token_ids),
            output_ids=ids,
            finish_reason=reason,
            prefix_ids=lease.prefix_token_ids,
        )
        return agent.FinishedLine(
            finish_reason=reason,
            prompt_tokens=len(lease.prompt_token_ids),
            output_tokens=len(ids),
            provider_signature=sign_statement(statement, self.key),
        )

    def open(self, lease: agent.Lease, *, now: datetime) -> Opened | agent.UploadResult:
        return relay_open(lease_id=lease_uuid(lease), token=lease.relay_token, now=now)

    def begin(
        self, lease: agent.Lease, ids: Sequence[int], *, now: datetime, rows: Sequence[int] = ()
    ) -> None:
        """Stream the first tokens, as far as the relay's first checkpoint."""
        assert isinstance(self.open(lease, now=now), Opened)
        assert relay_checkpoint(lease_id=lease_uuid(lease), ids=ids, rows=rows, now=now)

    def deliver(
        self, lease: agent.Lease, ids: Sequence[int], *, now: datetime, rows: Sequence[int] = ()
    ) -> agent.UploadResult:
        """Stream the whole answer."""
        opened = self.open(lease, now=now)
        if isinstance(opened, agent.UploadResult):
            return opened
        finished = self.finished(lease, ids)
        return relay_deliver(lease_id=lease_uuid(lease), ids=ids, rows=rows, finished=finished, now=now)


def lease_uuid(lease: agent.Lease):
    found = parse_public_id("lease", lease.lease_id)
    assert found is not None
    return found


@dataclass
class Scene:
    """What a test of a job needs."""

    model: CatalogueModel
    instrument: Instrument
    buyer: Organisation
    agents: list[Agent]
    entitlements: list[Entitlement]

    def quote(self, text: str = "hello", **asked: int) -> Quote:
        return job_quote(
            organisation_id=self.buyer.id,
            model=self.model.name,
            messages=[{"role": "user", "content": text}],
            **({"max_tokens": 20} | asked),
        )

    def create(
        self,
        *,
        now: datetime,
        text: str = "hello",
        max_tokens: int = 20,
        key: ApiKey | None = None,
        tag: str = "",
    ) -> Job:
        return job_create(
            quote=self.quote(text, max_tokens=max_tokens),
            sampling=Sampling(),
            now=now,
            api_key_id=key.id if key else None,
            tag=tag,
        )

    def text_ids(self, text: str) -> list[int]:
        """Return the token ids of an answer's text: one a byte."""
        return load_tokenizer(self.model.directory).text_ids(text)

    def heartbeats(self, *, now: datetime) -> None:
        for each in self.agents:
            each.heartbeat(self.model, now=now)


def make_scene(
    directory: Path,
    *,
    providers: int = 1,
    quantity_ucu: int = 10_000,
    entitled: int | None = None,
    window_s: int = 1_200,  # jobs may reserve all of it at once
) -> Scene:
    """Make a market whose buyer has an entitlement on each of the first `entitled` providers.

    Each cost 2,000 nano-USD a µCU with a fee of 1 %; hold-back is 10 %.
    """
    byte_tokenizer(directory)
    name = unique("model")
    card = smollm_card(name)
    of_class = ComputeClass.objects.create(code=unique("class"), model=name, card_hash=card.card_hash)
    model = CatalogueModel.objects.create(
        name=name,
        revision="r1",
        precision="bf16",
        card_hash=card.card_hash,
        card=card.to_payload(),
        compute_class=of_class,
        context_tokens=256,
        directory=str(directory),
        licence="apache-2.0",
    )
    traded = instrument(of_class=of_class, window_s=window_s)
    buyer = organisation("buyer")
    agents = [make_agent(model) for _ in range(providers)]
    entitlements = [
        make_entitlement(traded, buyer, each.provider.organisation, quantity_ucu)
        for each in agents[: providers if entitled is None else entitled]
    ]
    scene = Scene(model, traded, buyer, agents, entitlements)
    scene.heartbeats(now=utc_now())
    return scene


def make_agent(model: CatalogueModel) -> Agent:
    """Make a provider whose agent has enrolled and serves the model."""
    owner = organisation("provider")
    created = provider_create(organisation_id=owner.id, name=owner.slug, hold_back_ppm=100_000)
    key = SigningKey(os.urandom(32))
    request = agent.EnrolRequest(
        token=created.enrol_token,
        public_key=key.public.hex(),
        name=owner.slug,
        agent_version="1",
        hardware="none",
    )
    enrolled = provider_enrol(request=request, now=utc_now())
    ProviderModel.objects.create(provider=created.provider, model=model, rate_ucu_per_s=1_000, slots=8)
    return Agent(Provider.objects.get(id=created.provider.id), key, enrolled.api_key)


def make_entitlement(
    traded: Instrument,
    buyer: Organisation,
    provider: Organisation,
    quantity_ucu: int,
    *,
    price: int = 2_000,
) -> Entitlement:
    """Make an entitlement as a trade would have: issued, paid into escrow, with its deferred fee."""
    now = utc_now()
    escrow, fee = price * quantity_ucu, price // 100 * quantity_ucu
    lots = quantity_ucu // traded.lot_ucu
    trade = make_trade(traded, buyer, provider, lots=lots, notional=escrow, fee=fee, now=now)
    made = Entitlement.objects.create(
        id=new_id(),
        trade=trade,
        instrument=traded,
        holder=buyer,
        provider=provider,
        quantity_ucu=quantity_ucu,
        escrow_nano_usd=escrow,
        fee_nano_usd=fee,
        starts_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(days=1),
    )
    code = traded.compute_class_id
    funding = of_organisation(Kind.FUNDING, buyer.id)
    issue = of_entitlement(Kind.ISSUE, made.id, code)
    legs = (
        Leg(of_house(Kind.EXTERNAL_CASH), funding, escrow + fee),
        Leg(funding, of_entitlement(Kind.ESCROW, made.id, code), escrow),
        Leg(funding, of_house(Kind.DEFERRED_FEES), fee),
        Leg(issue, of_entitlement(Kind.ENTITLEMENT, made.id, code), quantity_ucu),
    )
    entry = JournalEntry(f"test-trade:{trade.id}", "trade", legs, now)
    with transaction.atomic():
        ledger_post(entries=[entry], issue_floors={issue: -quantity_ucu}, now=now)
    return made


def make_trade(
    traded: Instrument,
    buyer: Organisation,
    seller: Organisation,
    *,
    lots: int,
    notional: int,
    fee: int,
    now: datetime,
) -> Trade:
    """Make the rows of a trade, but not its entry."""

    def order(owner: Organisation, side: str, priority: int) -> Order:
        return Order.objects.create(
            id=new_id(),
            instrument=traded,
            organisation=owner,
            beneficiary=owner,
            side=side,
            type="limit",
            time_in_force="GTC",
            self_trade_prevention="cancel_taker",
            price_ticks=200,
            quantity_lots=lots,
            leaves_lots=0,
            cumulative_lots=lots,
            status=Order.Status.FILLED,
            priority=priority,
            created_at=now,
            updated_at=now,
        )

    sequence = Trade.objects.filter(instrument=traded).count() + 1
    return Trade.objects.create(
        id=new_id(),
        instrument=traded,
        sequence=sequence,
        price_ticks=200,
        quantity_lots=lots,
        notional_nano_usd=notional,
        buyer_fee_nano_usd=fee,
        seller_fee_nano_usd=0,
        taker_side="buy",
        buy_order=order(buyer, "buy", 2 * sequence),
        sell_order=order(seller, "sell", 2 * sequence - 1),
        traded_at=now,
    )


def granted_to(scene: Scene, job: Job) -> Agent:
    """Return the agent of the provider that the job is leased to now."""
    lease = Lease.objects.get(job=job, state__in=Lease.LIVE)
    return next(each for each in scene.agents if each.provider.id == lease.provider_id)
