"""One sequence from its seed to its end."""

from collections.abc import Mapping

from django.test import override_settings

from tests.chaos.actions import act, begin
from tests.chaos.agreement import differences, drain
from tests.chaos.scene import scene
from tests.stripe import StripeDouble

STEPS = 24


def play(seed: int, double: StripeDouble, steps: int = STEPS) -> Mapping[str, int]:
    """Play a sequence; return its figures.

    Raises:
        AssertionError: our books and Stripe's do not agree in the end. The same seed does the same again.
    """
    playing = scene(seed, double)
    risk_s = playing.chance.choice((0, 7 * 86_400))
    double.settings(
        dispute_fee_returned=playing.chance.random() < 0.5,
        refund_pending_s=playing.chance.choice((0, 0, 3_600)),
    )
    with override_settings(CARD_RISK_S=risk_s, NEW_CARD_RISK_S=risk_s):
        begin(playing)
        for _ in range(steps):
            act(playing)
        drain(playing)
    wrong = differences(playing)
    assert not wrong, f"seed {seed}: {wrong}"
    return {"steps": steps, "drift_nano_usd": 0}
