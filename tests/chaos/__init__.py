"""Seeded sequences of all that can happen to card money, with faults; the books must agree in the end."""
