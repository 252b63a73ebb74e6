"""List a prepared model in the catalogue, with its compute class and compute card."""

from pathlib import Path
from typing import Final

from django.db import transaction

from exchange.models import ComputeClass
from inference.engines.model_card import card_of, prepared_config
from inference.models import CatalogueModel

_CONTEXT_TOKENS: Final = 2_048


@transaction.atomic
def catalogue_list(
    *, directory: Path, compute_class: str, licence: str, depth: int | None = None
) -> CatalogueModel:
    """This function will list the model in `directory`, or return it if this revision is listed.

    With a depth it lists the tier of so many layers, a model of its own name. A class holds one revision, at
    one or several depths: another revision is another series, and needs a class of its own. Its compute
    card is computed from the model's own config.json.

    Raises:
        ValueError: the directory holds no prepared model or no such tier, or another revision is listed by
            its name.
    """
    _, config = prepared_config(directory, depth)
    card = card_of(directory, depth)
    ComputeClass.objects.get_or_create(
        code=compute_class, defaults={"model": card.model, "card_hash": card.card_hash}
    )
    model, _ = CatalogueModel.objects.get_or_create(
        name=card.model,
        defaults={
            "revision": card.revision,
            "precision": card.precision,
            "card_hash": card.card_hash,
            "card": card.to_payload(),
            "compute_class_id": compute_class,
            "context_tokens": min(config["max_position_embeddings"], _CONTEXT_TOKENS),
            "directory": str(directory),
            "licence": licence,
        },
    )
    if model.card_hash != card.card_hash:
        raise ValueError(f"{model.name} is listed as {model.revision}; this is {card.revision}")
    return model
