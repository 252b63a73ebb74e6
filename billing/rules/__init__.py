"""Rules of tax, rounding and failure that need no database: pure functions of integers and texts."""
