"""The comparison of the closed form with other counters says no where figures differ."""

import json

import pytest

from inference.compute import card_from_config
from inference.engines import flops_check
from inference.engines.model_manifest import manifest_of, write_manifest

SMOLLM2 = {
    "model_type": "llama",
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
FLOPS_100_20 = 27_236_183_040


@pytest.fixture
def card():
    return card_from_config(SMOLLM2, model="m", revision="r")


def test_equal_figures_agree(card):
    result = flops_check.compare("vllm", card, 100, 20, FLOPS_100_20, tolerance_ppm=0)
    assert (result.closed_form_flops, result.difference_ppm, result.ok) == (FLOPS_100_20, 0, True)


@pytest.mark.parametrize("measured", [FLOPS_100_20 - 1, FLOPS_100_20 + 1])
def test_one_flop_off_fails_where_equality_is_asked(card, measured):
    assert not flops_check.compare("vllm", card, 100, 20, measured, tolerance_ppm=0).ok


@pytest.mark.parametrize(("ppm", "ok"), [(9_999, True), (-9_999, True), (10_001, False), (-10_001, False)])
def test_a_tolerance_ends_at_its_ppm(card, ppm, ok):
    measured = FLOPS_100_20 + FLOPS_100_20 * ppm // 1_000_000
    assert flops_check.compare("torch", card, 100, 20, measured, tolerance_ppm=10_000).ok is ok


def test_the_card_is_that_of_the_prepared_model(tmp_path, card):
    (tmp_path / "config.json").write_text(json.dumps(SMOLLM2))
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"")
    manifest = manifest_of(tmp_path, model_id="m", source="s", precision="bfloat16")
    write_manifest(tmp_path, manifest)
    found = flops_check.card_of(tmp_path)
    assert (found.model, found.revision, found.layers) == ("m", manifest.revision, 30)


def test_a_directory_without_a_prepared_model_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no prepared model"):
        flops_check.card_of(tmp_path)
