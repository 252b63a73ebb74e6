"""A small outcome table: an easy, a middling and a hard question on three rungs."""

from inference.efficiency.table import Origin, Outcome, Question

RUNGS = ("direct-10", "direct-30", "think-30")
FLOPS = {"direct-10": 1, "direct-30": 3, "think-30": 10}
ORIGIN = Origin(model="m", revision="r", machine="2 cores", rungs=RUNGS, seeds={"test": 7})


def outcome(
    rung: str, *, right: bool, answer: str = "", sure: int = 900_000, finished: bool = True
) -> Outcome:
    return Outcome(
        right=right,
        answer=answer or ("yes" if right else "no"),
        flops=FLOPS[rung],
        output_tokens=4,
        confidence_ppm=sure,
        finished=finished,
    )


def question(
    name: str, right: str, *, sure: tuple[int, int, int] = (900_000,) * 3, **more: object
) -> Question:
    """Make a question; `right` has a + for each rung that knows it, a - for each that does not."""
    made = {
        rung: (outcome(rung, right=mark == "+", sure=level),)
        for rung, mark, level in zip(RUNGS, right, sure, strict=True)
    }
    known = {"family": "sums", "level": 1, "split": "test", "prompt": name, "prompt_tokens": 20}
    return Question(id=name, outcomes=made, **(known | more))


EASY = question("easy", "+++", sure=(950_000, 990_000, 990_000))
MIDDLING = question("middling", "-++", sure=(600_000, 920_000, 980_000), prompt_tokens=30)
HARD = question("hard", "--+", sure=(910_000, 500_000, 970_000), family="stories", prompt_tokens=60)
HOPELESS = question("hopeless", "---", sure=(100_000, 100_000, 100_000), family="stories", prompt_tokens=60)
QUESTIONS = (EASY, MIDDLING, HARD, HOPELESS)
