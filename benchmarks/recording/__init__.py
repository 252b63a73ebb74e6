"""Record honest and cheating answers of the real model for `benchmarks.verification` (engine environment)."""
