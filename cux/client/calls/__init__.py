"""Every operation of the exchange as a function that returns its `Call`; no I/O here.

`Client` and `AsyncClient` have one method for each, with the same name and arguments.
"""
