"""The long crash test: `make soak`."""
