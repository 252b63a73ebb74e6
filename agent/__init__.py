"""The provider daemon: serves leases of the exchange on this host's vLLM. Ships alone, imports only cux."""

__version__ = "0.1.0"
