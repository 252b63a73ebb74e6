"""A plan as the playground draws it: of each rung the chance of being right, and what it uses."""

from dataclasses import dataclass

from core.money import PPM
from cux.wire.adaptive import AdaptivePlan

_SOURCES = {
    "offer": "the best offer",
    "trades": "the last day's trades",
    "default": "a price without a market",
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A rung with the widths of its bars in whole percents: of certainty, and of the dearest rung's quote."""

    name: str
    model: str
    thinks: bool
    chance_percent: int
    expected_ucu: int
    quote_ucu: int
    expected_percent: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """The rungs, the cheapest first, and what the choice was weighed with."""

    rows: list[PlanRow]
    plan: AdaptivePlan

    @property
    def quality_percent(self) -> int | None:
        """Return the chance that was asked for, in percent."""
        return None if self.plan.quality_ppm is None else self.plan.quality_ppm * 100 // PPM

    @property
    def price_source(self) -> str:
        """Return where the price was seen."""
        return _SOURCES[self.plan.price_source]

    @property
    def expected_nano_usd(self) -> int:
        """Return what the first rung probably costs at the plan's price."""
        return next(rung.expected_nano_usd for rung in self.plan.rungs if rung.name == self.plan.first)


def plan_picture(plan: AdaptivePlan) -> PlanPicture:
    """Return the picture of a plan."""
    most = max(rung.expected_ucu for rung in plan.rungs) or 1
    rungs = sorted(plan.rungs, key=lambda rung: (rung.expected_ucu, rung.name))
    rows = [
        PlanRow(
            name=rung.name,
            model=rung.model,
            thinks=rung.mode == "think",
            chance_percent=rung.correct_ppm * 100 // PPM,
            expected_ucu=rung.expected_ucu,
            quote_ucu=rung.quote_ucu,
            expected_percent=max(1, rung.expected_ucu * 100 // most),
            is_first=rung.name == plan.first,
        )
        for rung in rungs
    ]
    return PlanPicture(rows, plan)
