"""The outcome table's questions follow from seeds; replies are scored, metered and judged by their answer."""

from math import exp

import pytest

from inference.compute import card_from_config
from inference.training.families import unseen_families
from inference.training.outcome_questions import OPEN_SEEDS, PER_LEVEL, asked
from inference.training.outcome_run import Answered, confidence
from inference.training.outcome_table import outcome

SEALED = {"test": 7, "unseen": 8}
CARD = card_from_config(
    {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": 10,
        "hidden_size": 576,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
        "tie_word_embeddings": False,
        "max_position_embeddings": 512,
    },
    model="reasoner-135m-10",
    revision="r1",
    precision="bfloat16",
)


def test_questions_follow_from_seeds_and_only_the_sealed_ones_move_the_test():
    first, again = list(asked(SEALED)), list(asked(SEALED))
    other = {each.id: each for each in asked({"test": 9, "unseen": 10})}
    assert first == again
    assert len({each.id for each in first}) == len(first) == 8 * (200 + 80 + 202) + 3 * 146
    moved = {each.split for each in first if other[each.id].question != each.question}
    assert moved == {"test", "unseen"}
    assert set(PER_LEVEL) == {*OPEN_SEEDS, *SEALED}


def test_unseen_families_and_wordings_come_in_the_test_alone():
    unseen = {family.name for family in unseen_families()}
    for each in asked(SEALED):
        assert (each.question.family in unseen) == (each.split == "unseen")
    wordings: dict[str, set[tuple[str, int]]] = {split: set() for split in PER_LEVEL}
    for each in asked(SEALED):
        wordings[each.split].add((each.question.family, each.question.template))
    assert not wordings["test"] & (wordings["train"] | wordings["validation"])


def test_an_answers_likelihood_is_that_of_its_own_tokens():
    assert confidence(["4", "2", "<|im_end|>"], [-0.1, -0.3, -0.2], "direct") == pytest.approx(exp(-0.2))
    thought = ["4+", "</", "think", ">", "42", "<|im_end|>"]
    assert confidence(thought, [-9, -9, -9, -9, -0.5, -0.1], "think") == pytest.approx(exp(-0.3))
    assert confidence(["4+", "4+"], [-0.1, -0.1], "think") == 0.0


def test_a_reply_is_scored_and_metered():
    each = next(asked(SEALED))
    right = Answered(each.id, f" {each.question.answer}.", 40, 3, 0.9, finished=True)
    made = outcome(each, right, CARD)
    assert (made.right, made.output_tokens, made.confidence_ppm, made.finished) == (True, 3, 900_000, True)
    # 42 tokens forwarded through ten layers and three sampled, and what attention takes
    assert made.flops == 42 * 70_778_880 + 3 * 56_623_104 + attention(40, 3)
    assert outcome(each, Answered(each.id, "", 40, 3, 0.0, finished=False), CARD).right is False


def attention(prompt: int, output: int) -> int:
    """4 · heads · head size · layers FLOPs for each pair of a token and one it may see."""
    return 4 * 9 * 64 * 10 * (prompt**2 + sum(range(prompt + 1, prompt + output)))
