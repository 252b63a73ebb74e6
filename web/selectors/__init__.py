"""What the marketplace's pages show."""
