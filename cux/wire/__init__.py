"""What server, client and provider agent must agree on: messages, canonical bytes, signatures, metering.

Pure: no clock, no randomness, no I/O; only the standard library, msgspec and cryptography.
"""

from typing import Final

VERSION: Final = 1
"""Version of the wire protocol: messages, statements and receipts of another version are refused."""
