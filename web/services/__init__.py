"""What the marketplace's pages do: one use case per module."""
