"""The gate: a small network that says of each rung how likely it answers a question right, and at what cost.

It is trained with torch (`inference.training`) and read here without it: plain arrays, plain Python.
"""
