"""The demo: one whole market on one machine, from offers to a verified receipt."""
