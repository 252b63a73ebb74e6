"""What a provider's engine was measured to deliver becomes its capacity on the exchange."""

import uuid

from django.db.models import Min

from core.errors import Code, CuxError
from core.ids import new_id
from cux.wire.agent import Measurement
from cux.wire.card import ComputeCard
from cux.wire.gate import implausible
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetCapacity
from inference.models import Provider, ProviderModel
from inference.selectors.catalogue import model_get


def measurement_record(*, provider_id: uuid.UUID, measurement: Measurement) -> None:
    """This function will keep the measured speed and have the sequencer set the provider's capacity.

    The sequencer alone writes capacity, since it backs sell orders. Both steps may be repeated. Compute of a
    class may be drawn on any of its models, so that the slowest that was measured backs what is sold.

    Raises:
        CuxError: UNKNOWN_MODEL; IMPLAUSIBLE_MEASUREMENT, nothing is kept; SEQUENCER_UNAVAILABLE or
            SEQUENCER_BUSY, send it again.
    """
    model = model_get(measurement.model)
    if reason := implausible(measurement, ComputeCard.from_payload(model.card)):
        raise CuxError(Code.IMPLAUSIBLE_MEASUREMENT, f"This can not be true: {reason}.")
    provider = Provider.objects.get(id=provider_id)
    ProviderModel.objects.update_or_create(
        provider=provider, model=model, defaults={"rate_ucu_per_s": measurement.ucu_per_second}
    )
    same_class = ProviderModel.objects.filter(
        provider=provider, model__compute_class=model.compute_class, rate_ucu_per_s__gt=0
    )
    slowest = same_class.aggregate(rate=Min("rate_ucu_per_s"))["rate"]
    verdict = submit_sync(
        SetCapacity(
            organisation_id=provider.organisation_id,
            compute_class=model.compute_class_id,
            rate_ucu_per_s=slowest or 0,
            tier_factor_ppm=provider.tier_factor_ppm,
            key=f"capacity:{new_id()}",
        )
    )
    if verdict.status >= 400:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, f"The exchange refused the capacity: {verdict.body}")
