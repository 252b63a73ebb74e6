"""Turns functions that describe calls into methods that send them, keeping name, signature and docstring."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

M = TypeVar("M", bound=Callable[..., Any])


def named_after(build: Callable[..., Any]) -> Callable[[M], M]:
    """Return a decorator that gives a method the name, docstring and arguments of `build`."""
    described = inspect.signature(build)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shown = described.replace(
        parameters=[itself, *described.parameters.values()], return_annotation=inspect.Signature.empty
    )

    def apply(method: M) -> M:
        method.__name__ = method.__qualname__ = build.__name__
        method.__doc__ = build.__doc__
        method.__signature__ = shown  # type: ignore[attr-defined]
        return method

    return apply
