"""Seen answers are judged by the fitted rule; one that was cut off is none."""

import math

from inference.gate.evidence import Evidence

PLAIN = Evidence(offset=0.0, of_prior=1.0, of_confidence=2.0)


def test_the_rule_by_hand() -> None:
    # logit 0.8 = ln 4; 2 ln 0.5 = -ln 4: as likely as not.
    assert PLAIN.right_ppm(prior_ppm=800_000, confidence_ppm=500_000, finished=True) == 500_000
    shifted = Evidence(offset=math.log(3), of_prior=0.0, of_confidence=0.0)
    assert shifted.right_ppm(prior_ppm=1, confidence_ppm=1, finished=True) == 750_000


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    assert PLAIN.right_ppm(prior_ppm=999_999, confidence_ppm=999_999, finished=False) == 0


def test_certainty_counts_as_nearly_certain_only() -> None:
    surest = PLAIN.right_ppm(prior_ppm=1_000_000, confidence_ppm=1_000_000, finished=True)
    assert surest == PLAIN.right_ppm(prior_ppm=999_000, confidence_ppm=999_000, finished=True) < 1_000_000
    assert 0 <= PLAIN.right_ppm(prior_ppm=0, confidence_ppm=1, finished=True) < 10
