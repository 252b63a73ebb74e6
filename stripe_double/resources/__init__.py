"""The resources: one module each, with its operations."""
