"""How much good a FLOP does: outcomes of every question on every rung, and policies replayed over them."""
