"""The life of some money in one process, which can be ended at any moment: `tests/crash/test_points.py`."""
