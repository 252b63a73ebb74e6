"""Which function decides which command."""

from typing import Final

from exchange.sequencer import protocol as p
from exchange.sequencer.commands import (
    accounts,
    auctions,
    batches,
    busts,
    cancels,
    capacity,
    deadman,
    money,
    orders,
    phases,
    preview,
    resale,
    standing,
    timers,
)
from exchange.sequencer.commands.decider import Handlers

HANDLERS: Final[Handlers] = {
    p.NewOrder: (201, orders.new),
    p.ReplaceOrder: (200, orders.replace),
    p.Batch: (200, batches.decide_all),
    p.Preview: (200, preview.preview),
    p.CancelOrder: (200, cancels.cancel),
    p.CancelAll: (200, cancels.cancel_all),
    p.SetDeadMan: (200, deadman.set_dead_man),
    p.RunDue: (200, timers.run_due),
    p.Fund: (200, money.fund),
    p.Defund: (200, money.defund),
    p.SetCapacity: (200, capacity.set_capacity),
    p.SetPhase: (200, phases.set_phase),
    p.SetAccount: (200, accounts.set_account),
    p.SetFeeTier: (200, accounts.set_fee_tier),
    p.Bust: (200, busts.bust),
    p.Kill: (200, accounts.kill),
    p.StartAuction: (200, auctions.start),
    p.SetStandingOffer: (200, standing.set_offer),
    p.WithdrawStandingOffer: (200, standing.withdraw),
    p.Lodge: (201, resale.lodge),
}
