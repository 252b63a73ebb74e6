"""Which models can be asked for."""

from core.errors import Code, CuxError
from cux.wire.card import ComputeCard
from inference.models import CatalogueModel


def model_get(name: str) -> CatalogueModel:
    """Return the model of this name.

    Raises:
        CuxError: UNKNOWN_MODEL.
    """
    # PostgreSQL's text holds no NUL, and cannot even be asked for one.
    model = None if "\0" in name else CatalogueModel.objects.filter(name=name).first()
    if model is None:
        raise CuxError(Code.UNKNOWN_MODEL, f"There is no model {name[:80]!r}.", param="model")
    return model


def model_list() -> list[CatalogueModel]:
    """Return all models, by name."""
    return list(CatalogueModel.objects.select_related("compute_class").order_by("name"))


def card_of(model: CatalogueModel) -> ComputeCard:
    """Return the compute card that meters this model."""
    return ComputeCard.from_payload(model.card)
