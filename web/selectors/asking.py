"""Which model the playground proposes, and what to do where compute for one is missing."""

import uuid
from collections import Counter
from dataclasses import dataclass

from exchange.selectors.entitlements import entitlement_list
from exchange.selectors.offers import classes_on_offer, spot_instrument
from inference.selectors.catalogue import model_list
from inference.services.adaptive_quote import has_ladder


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be asked, the µCU of its class that the organisation holds undrawn, whether somebody
    sells more, and whether a harder question can be given more compute."""

    name: str
    compute_class: str
    held_ucu: int
    is_offered: bool
    has_ladder: bool

    @property
    def label(self) -> str:
        """Return the model's name and why one might choose it."""
        if self.held_ucu:
            return f"{self.name}: you hold {self.held_ucu:,} µCU"
        return f"{self.name}: {'on offer' if self.is_offered else 'nobody sells it now'}"


@dataclass(frozen=True, slots=True)
class WhereToBuy:
    """What to do about missing compute, and the market where that is; none if the class is not traded."""

    text: str
    symbol: str | None


def model_choices(*, organisation_id: uuid.UUID) -> list[ModelChoice]:
    """Return the models that can be asked: those the organisation holds most compute for, then those that
    are on offer, then the others; of a class, by name."""
    held: Counter[str] = Counter()
    for view in entitlement_list(organisation_id=organisation_id, live_only=True):
        held[view.compute_class] += view.available_ucu
    offered = classes_on_offer()
    choices = [
        ModelChoice(model.name, code, held[code], code in offered, has_ladder(model.name))
        for model in model_list()
        for code in (model.compute_class_id,)
    ]
    return sorted(choices, key=lambda each: (-each.held_ucu, not each.is_offered, each.name))


def where_to_buy(*, organisation_id: uuid.UUID, model: str) -> WhereToBuy | None:
    """Return what an organisation can do that holds too little compute for a model; None for no model."""
    choices = model_choices(organisation_id=organisation_id)
    asked = next((each for each in choices if each.name == model), None)
    if asked is None:
        return None
    code = asked.compute_class
    instrument = spot_instrument(compute_class=code)
    if asked.is_offered:
        way = f"Buy {code}"
    else:
        way = f"Nobody sells {code} now: bid for it" if instrument else f"{code} is not traded now"
    best = choices[0]
    if best.held_ucu and best.compute_class != code:
        way += f", or choose {best.name}, for which you hold {best.held_ucu:,} µCU"
    return WhereToBuy(f"{way}. Then ask again.", instrument.symbol if instrument else None)
