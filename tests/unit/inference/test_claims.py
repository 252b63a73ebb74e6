"""What a provider claims of its tokens' likelihoods, beside what the verifier finds."""

import pytest

from inference.verification.claims import BIAS_MILLI, with_claims
from inference.verification.evidence import GAP_CAP_MILLI, Position, TokenEvidence

FOUND = [Position(7, {7: -0.5, 8: -1.0}), Position(9, {9: -1.5, 8: -0.2})]
TOKENS = [TokenEvidence(3, 400_000, False), TokenEvidence(None, 500_000, False)]


def claimed(*milli: int) -> list[int]:
    return [each * 1_000 for each in milli]


@pytest.mark.parametrize(
    "told",
    [[], claimed(500, 1_500), claimed(900, 1_100), claimed(600, 1_600), claimed(400, 1_400)],
    ids=["none", "same", "apart", "above", "below"],
)
def test_claims_with_about_the_same_mean_change_nothing(told):
    assert with_claims(TOKENS, FOUND, told) == TOKENS


@pytest.mark.parametrize("told", [claimed(800, 1_800), claimed(0, 1_400)], ids=["above", "below"])
def test_what_the_mean_is_off_beyond_that_counts_at_every_token(told):
    assert BIAS_MILLI == 100
    assert [each.gap_milli for each in with_claims(TOKENS, FOUND, told)] == [203, 200]
    assert [each.quantile_ppm for each in with_claims(TOKENS, FOUND, told)] == [400_000, 500_000]


def test_a_gap_stays_within_its_cap_and_claims_are_one_for_each_token():
    assert [each.gap_milli for each in with_claims(TOKENS, FOUND, claimed(0, 90_000))] == [GAP_CAP_MILLI] * 2
    with pytest.raises(ValueError, match="shorter"):
        with_claims(TOKENS, FOUND, claimed(500))
