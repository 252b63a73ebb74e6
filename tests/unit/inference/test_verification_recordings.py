"""The test against recorded answers of the real model: the figures that `benchmarks.verification` prints."""

import pytest

from benchmarks.verification import HONEST, REQUIRED, load_scores, try_providers

SCORES = load_scores("score")
PROVIDERS = 100


@pytest.mark.parametrize("kind", [*REQUIRED, "fewer_layers", "padding_at_end", "went_on"])
def test_a_cheat_is_found_within_fifty_audited_jobs(kind: str) -> None:
    assert try_providers(SCORES[kind], providers=PROVIDERS, jobs=50, seed=3).flagged >= 0.99


@pytest.mark.parametrize("kind", [kind for kind in SCORES if kind.startswith(HONEST)])
def test_an_honest_provider_is_never_flagged(kind: str) -> None:
    assert try_providers(SCORES[kind], providers=PROVIDERS, jobs=200, seed=4).flagged == 0


def test_the_greatest_honest_mean_is_far_above_what_honest_answers_were_recorded_to_have() -> None:
    for run in ("train", "score"):
        for kind, scores in load_scores(run).items():
            if kind.startswith(HONEST):
                found = [score.mismatch_ppm or 0 for score in scores]
                assert sum(found) / len(found) < 1_000
                assert max(found) < 4_000
