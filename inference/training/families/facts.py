"""Capitals of countries, and letters of their names."""

from random import Random

from inference.training.families.base import Family, Puzzle
from inference.training.families.vocabulary import CAPITALS

KNOWN = {1: 20, 2: 50, 3: 50, 4: 50, 5: 50}
COUNT = {1: 1, 2: 1, 3: 1, 4: 3, 5: 5}
"""Among how many countries a question chooses, and how many it names, by level."""
LETTERS_FROM = 3
"""From this level on a letter of the capital is asked for, not its name."""


def draw(random: Random, level: int) -> Puzzle:
    """Some countries; the thought names each one's capital and letter."""
    countries = random.sample(list(CAPITALS)[: KNOWN[level]], COUNT[level])
    capitals = [CAPITALS[country] for country in countries]
    named = " ".join(countries)
    if level < LETTERS_FROM:
        return Puzzle({"what": "capital", "countries": named}, f"{named}: {capitals[0]}", capitals[0])
    letters = [capital[-1] for capital in capitals]
    steps = zip(countries, capitals, letters, strict=True)
    thought = "; ".join(f"{country}: {capital} {letter}" for country, capital, letter in steps)
    return Puzzle({"what": "last letter of capital", "countries": named}, thought, " ".join(letters))


FAMILY = Family(
    "facts",
    draw,
    templates=("{countries}: {what}?", "The {what} of {countries}?", "Give the {what} for {countries}"),
    held_out=("Tell me the {what} of {countries}.",),
)
