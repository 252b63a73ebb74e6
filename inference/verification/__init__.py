"""Verification (pure): does an answer come from the model it was sold as?

A trusted verifier runs prompt and answer as one prefill. `evidence` compares each token with what the model
would have drawn there, `scores` makes a few figures per job of it, `eprocess` bets on them, job after job,
against the hypothesis that the provider is honest; `detectors` says on what, and when that hypothesis falls.
`sampling` says which jobs are looked at, `tiers` what a provider's standing means. Why it is done so:
docs/adr/0020-verification.md.
"""
