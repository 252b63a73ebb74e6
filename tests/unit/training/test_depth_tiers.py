"""Which tensors a depth tier is made of."""

from inference.engines.depth_tiers import exit_file, hf_overrides
from inference.engines.depth_tiers.weights import kept

NAMES = (
    "model.embed_tokens.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.layers.9.mlp.up_proj.weight",
    "model.layers.10.mlp.up_proj.weight",
    "model.layers.29.mlp.up_proj.weight",
    "model.norm.weight",
)


def test_a_tier_keeps_the_layers_below_its_depth_and_leaves_the_end_to_its_exit():
    assert [name for name, _ in kept(((name, 0) for name in NAMES), 10)] == list(NAMES[:3])


def test_a_tier_is_asked_for_by_overrides_of_the_configuration():
    assert hf_overrides(20) == {
        "architectures": ["DepthTierForCausalLM"],
        "num_hidden_layers": 20,
        "tie_word_embeddings": False,
    }
    assert exit_file(20) == "exit-20.tensors"
