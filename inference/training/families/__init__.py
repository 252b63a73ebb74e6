"""Families of generated questions that can be checked, at five levels. A new family is one small file here.

The standard library alone, so that both environments can generate the same questions from the same seeds.
"""

import importlib
import pkgutil
from functools import cache

from inference.training.families.base import Family


@cache
def all_families() -> dict[str, Family]:
    """Every family by name, in alphabetical order: each module here with a `FAMILY` in it."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    families = [module.FAMILY for module in modules if hasattr(module, "FAMILY")]
    return {family.name: family for family in families}


def trained_families() -> tuple[Family, ...]:
    """The families the reasoner is trained on."""
    return tuple(family for family in all_families().values() if family.trained)


def unseen_families() -> tuple[Family, ...]:
    """The families kept away from training, for the test on what was never seen."""
    return tuple(family for family in all_families().values() if not family.trained)
