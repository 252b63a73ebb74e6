"""List a prepared model in the catalogue, with its compute class and compute card."""

import json
from pathlib import Path

from django.db import transaction

from exchange.models import ComputeClass
from inference.compute import card_from_config
from inference.engines.model_manifest import read_manifest
from inference.models import CatalogueModel

_CARD_PRECISION = {"bf16": "bfloat16"}


@transaction.atomic
def catalogue_list(*, directory: Path, compute_class: str, licence: str) -> CatalogueModel:
    """This function will list the model in `directory`, or return it if this revision is listed.

    Its compute card is computed from the model's own config.json. Another revision is another card and
    so another series: it needs a class of its own.

    Raises:
        ValueError: the directory holds no prepared model, or another revision is listed by its name.
    """
    manifest = read_manifest(directory)
    if manifest is None:
        raise ValueError(f"Expected a prepared model in {directory}: run `make setup`")
    config = json.loads((directory / "config.json").read_text())
    precision = _CARD_PRECISION.get(manifest.precision, manifest.precision)
    card = card_from_config(config, model=manifest.model_id, revision=manifest.revision, precision=precision)
    ComputeClass.objects.get_or_create(
        code=compute_class, defaults={"model": manifest.model_id, "card_hash": card.card_hash}
    )
    model, _ = CatalogueModel.objects.get_or_create(
        name=manifest.model_id,
        defaults={
            "revision": manifest.revision,
            "precision": precision,
            "card_hash": card.card_hash,
            "card": card.to_payload(),
            "compute_class_id": compute_class,
            "context_tokens": min(config["max_position_embeddings"], 2048),
            "directory": str(directory),
            "licence": licence,
        },
    )
    if model.card_hash != card.card_hash:
        raise ValueError(f"{model.name} is listed as {model.revision}; this is {manifest.revision}")
    return model
