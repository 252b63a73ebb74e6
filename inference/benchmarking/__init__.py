"""Putting generated questions to an OpenAI-compatible endpoint, and keeping what it answers."""
