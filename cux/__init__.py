"""CUX for programs and people: wire messages, receipts, a typed client and the command line `cux`."""

__version__ = "0.1.0"
