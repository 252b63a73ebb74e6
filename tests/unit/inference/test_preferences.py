"""What a caller prefers of providers, as it is kept with the job."""

import msgspec
import pytest

from inference.routing.preferences import Preferences


def test_a_job_without_preferences_keeps_nothing() -> None:
    assert Preferences().stored() == {}
    assert Preferences.of({}) == Preferences()


def test_preferences_come_back_as_they_were_kept() -> None:
    asked = Preferences(
        order=("alpha", "beta"),
        ignore=("gamma",),
        max_price_nano_usd_per_cu=21_000_000_000,
        sort="price",
        allow_fallbacks=False,
    )
    assert asked.stored() == {
        "order": ["alpha", "beta"],
        "ignore": ["gamma"],
        "max_price_nano_usd_per_cu": 21_000_000_000,
        "sort": "price",
        "allow_fallbacks": False,
    }
    assert Preferences.of(asked.stored()) == asked


def test_what_no_preference_is_called_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        Preferences.of({"colour": "red"})
