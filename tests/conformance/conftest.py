"""The public conformance pack lies beside the repository; where it does not, there is nothing to collect."""

from tests.conformance import PACK

collect_ignore = [] if PACK.exists() else ["test_engine_pack.py"]
