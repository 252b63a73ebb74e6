"""A prepared model's card, and those of its depth tiers: other layers, another name, one revision."""

import pytest

from inference.compute import compute_ucu
from inference.engines.model_card import card_of, rung_card, tier_depths
from tests.unit.inference.model_directories import prepared_model


def test_the_card_is_that_of_the_prepared_model(tmp_path):
    manifest = prepared_model(tmp_path)
    found = card_of(tmp_path)
    assert (found.model, found.revision, found.layers) == ("m", manifest.revision, 30)


def test_each_tier_has_a_card_with_its_layers(tmp_path):
    manifest = prepared_model(tmp_path, "reasoner-135m", exits=(10, 20))
    assert tier_depths(tmp_path) == [20, 10]
    cards = [card_of(tmp_path, depth) for depth in (None, 20, 10)]
    assert [(card.model, card.layers) for card in cards] == [
        ("reasoner-135m", 30),
        ("reasoner-135m-20", 20),
        ("reasoner-135m-10", 10),
    ]
    assert {card.revision for card in cards} == {manifest.revision}
    assert len({card.card_hash for card in cards}) == 3
    # 100 prompt and 100 output tokens, by the decode weight of each: 16, its cap, at every depth.
    assert [compute_ucu(card, prompt_tokens=100, output_tokens=100) for card in cards] == [465, 340, 215]


def test_all_layers_are_the_model_itself(tmp_path):
    prepared_model(tmp_path, "reasoner-135m", exits=(10, 20))
    assert rung_card(tmp_path, 30) == card_of(tmp_path)
    assert rung_card(tmp_path, 20) == card_of(tmp_path, 20)
    with pytest.raises(ValueError, match="no exit after 12 layers"):
        rung_card(tmp_path, 12)


def test_a_depth_without_an_exit_is_no_tier(tmp_path):
    prepared_model(tmp_path, exits=(10,))
    with pytest.raises(ValueError, match="m has no exit after 12 layers"):
        card_of(tmp_path, 12)


def test_a_directory_without_a_prepared_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected a prepared model in"):
        card_of(tmp_path)
