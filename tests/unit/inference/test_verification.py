"""The pure parts of verification: noise, evidence, scores, bets, detectors, the lottery."""

import hashlib
import random
from dataclasses import replace

import pytest

from inference.verification import detectors, lottery
from inference.verification.eprocess import CEILING, ONE, Bet, Capital, bet_on, evidence, opening
from inference.verification.evidence import GAP_CAP_MILLI, Draw, Position, TokenEvidence, answer_evidence
from inference.verification.noise import gumbel, step_seeds
from inference.verification.scores import JobScore, job_score
from inference.verification.tiers import TIERS, tier_of

DRAW = Draw(1_000, 1_000_000, seed=12_345, sampler="vllm-cpu", end_ids=frozenset({2}))
FAIR = Bet(mean_ppm=500_000, stakes_ppm=(1_000_000,))
HONEST = JobScore(tokens=64, mismatch_ppm=500, surprise_ppm=500_000, hid_end_ppm=0)


def test_noise_is_that_of_the_engine() -> None:
    # Printed by torch 2.13 and by the kernel of vLLM 0.32 themselves.
    assert step_seeds(12_345, 3) == [1_675_701_733, 561_383_553, 170_765_737]
    differences = [gumbel(1_675_701_733, 0) - gumbel(1_675_701_733, token) for token in range(1, 5)]
    assert differences == pytest.approx([-1.335306, -0.366787, 0.826886, -1.506805], abs=1e-5)


def _winner(step_seed: int, logprobs: dict[int, float]) -> int:
    return max(logprobs, key=lambda token: logprobs[token] + gumbel(step_seed, token))


def _answer(draw: Draw, tokens: int = 64) -> list[Position]:
    """Return what an engine that agrees with the reference to the last bit delivers."""
    rng = random.Random(1)
    found = []
    for seed in step_seeds(draw.seed, tokens):
        logprobs = {token: -1.0 - rng.random() for token in rng.sample(range(3, 1_000), 8)}
        found.append(Position(_winner(seed, logprobs), logprobs))
    return found


def test_an_honest_token_has_no_gap() -> None:
    assert {one.gap_milli for one in answer_evidence(_answer(DRAW), DRAW)} == {0}


def test_an_answer_under_another_seed_has_gaps() -> None:
    found = answer_evidence(_answer(DRAW), replace(DRAW, seed=12_346))
    assert sum(one.gap_milli or 0 for one in found) > 300 * len(found)


def test_a_greedy_token_is_compared_with_the_likeliest() -> None:
    position = Position(7, {7: -2.0, 9: -0.75})
    assert answer_evidence([position], replace(DRAW, temperature_milli=0)) == [
        TokenEvidence(gap_milli=1_250, quantile_ppm=500_000, hid_end=False)
    ]


def test_without_the_noise_there_is_a_quantile_and_no_gap() -> None:
    position = Position(7, {7: -1.386294, 9: -0.693147, 11: -1.386294})  # a quarter, a half, a quarter
    (found,) = answer_evidence([position], replace(DRAW, sampler="unknown"))
    assert found == TokenEvidence(gap_milli=None, quantile_ppm=625_000, hid_end=False)


def test_a_token_outside_the_nucleus_is_as_wrong_as_can_be() -> None:
    position = Position(7, {7: -4.0, 9: -0.0202})
    (found,) = answer_evidence([position], replace(DRAW, top_p_ppm=500_000))
    assert found.gap_milli == GAP_CAP_MILLI


def test_going_on_where_the_model_ends_is_seen() -> None:
    position = Position(7, {7: -6.0, 2: -0.0025})
    (greedy,) = answer_evidence([position], replace(DRAW, temperature_milli=0))
    assert greedy.hid_end
    assert job_score([greedy, *[TokenEvidence(0, 500_000, False)] * 63]) == JobScore(
        64, 15_625, 500_000, 10**6
    )


def test_a_short_answer_is_not_scored() -> None:
    assert job_score([TokenEvidence(0, 500_000, False)] * 15) is None


def test_a_fair_bet_wins_what_another_loses() -> None:
    won = bet_on(opening(FAIR), 1_000_000, FAIR)
    lost = bet_on(opening(FAIR), 0, FAIR)
    assert (evidence(opening(FAIR)), evidence(won), evidence(lost)) == (ONE, ONE * 5 // 4, ONE * 3 // 4)


def test_capital_stays_an_integer_and_bounded() -> None:
    capital = opening(FAIR)
    for _ in range(500):
        capital = bet_on(capital, 1_000_000, FAIR)
    assert capital == Capital(500, (CEILING,))


@pytest.mark.parametrize("score", [-1, 1_000_001])
def test_what_is_no_score_is_refused(score: int) -> None:
    with pytest.raises(ValueError, match="no score"):
        bet_on(opening(FAIR), score, FAIR)


def test_a_stake_that_could_lose_more_than_all_is_refused() -> None:
    with pytest.raises(ValueError, match="stake"):
        Bet(mean_ppm=500_000, stakes_ppm=(2_000_000,))


def test_evidence_is_one_on_average_at_the_greatest_honest_mean() -> None:
    """Every path of six fair coin tosses: the mean is one, less what rounding down takes."""
    total = 0
    for path in range(2**6):
        capital = opening(FAIR)
        for step in range(6):
            capital = bet_on(capital, 1_000_000 * (path >> step & 1), FAIR)
        total += evidence(capital)
    assert ONE - 10 < total // 2**6 <= ONE


def test_two_jobs_never_flag_whatever_they_hold() -> None:
    worst = JobScore(tokens=64, mismatch_ppm=10**6, surprise_ppm=10**6, hid_end_ppm=10**6)
    standing = detectors.fresh()
    flagged = [detectors.is_refuted(standing := detectors.after(standing, worst)) for _ in range(4)]
    assert flagged[:2] == [False, False]
    assert flagged[3]


def test_years_of_honest_jobs_leave_a_later_cheat_to_be_found() -> None:
    standing = detectors.fresh()
    for _ in range(3_000):
        standing = detectors.after(standing, HONEST)
    assert detectors.e_value(standing) < ONE
    cheat = replace(HONEST, mismatch_ppm=120_000)
    jobs = 0
    while not detectors.is_refuted(standing):
        standing, jobs = detectors.after(standing, cheat), jobs + 1
    assert jobs < 50


def test_a_job_without_known_noise_moves_only_what_can_be_told() -> None:
    blind = replace(HONEST, mismatch_ppm=None, hid_end_ppm=None)
    standing = detectors.after(detectors.fresh(), blind)
    assert [capital.jobs for capital in standing.capitals] == [0, 0, 1]


def test_a_standing_survives_being_kept() -> None:
    standing = detectors.after(detectors.after(detectors.fresh(), HONEST), replace(HONEST, mismatch_ppm=None))
    assert detectors.from_builtins(detectors.to_builtins(standing)) == standing


def test_the_lottery_can_be_checked_afterwards() -> None:
    secret = bytes(range(32))
    assert lottery.commitment(secret) == hashlib.sha256(b"cux-audit-v1" + secret).hexdigest()
    drawn = [
        lottery.is_drawn(secret=secret, job_id=f"job_{number}", share_ppm=100_000) for number in range(5_000)
    ]
    assert 430 < sum(drawn) < 570
    assert all(lottery.is_drawn(secret=secret, job_id="job_1", share_ppm=10**6) for _ in range(2))
    assert not lottery.is_drawn(secret=secret, job_id="job_1", share_ppm=0)


def test_an_unknown_tier_is_the_strictest() -> None:
    assert tier_of("L9") == TIERS["L0"]
    shares = [tier.audit_ppm for tier in TIERS.values()]
    assert shares == sorted(shares, reverse=True)


def test_which_attempt_is_looked_at_follows_from_the_days_secret() -> None:
    found = [lottery.drawn_attempt(secret=b"s" * 32, job_id=f"job_{n}", attempts=2) for n in range(1_000)]
    assert found == [
        lottery.drawn_attempt(secret=b"s" * 32, job_id=f"job_{n}", attempts=2) for n in range(1_000)
    ]
    assert 400 < sum(found) < 600
    assert found != [
        lottery.drawn_attempt(secret=b"t" * 32, job_id=f"job_{n}", attempts=2) for n in range(1_000)
    ]
