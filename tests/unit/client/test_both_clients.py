"""Both clients offer the same methods with the same arguments."""

import inspect
import tomllib

import cux
from cux.client import AsyncClient, Client
from tests.environment import ROOT


def methods(kind: type) -> dict[str, list[str]]:
    public = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
    return {name: list(inspect.signature(value).parameters) for name, value in public.items()}


def test_they_have_the_same_methods_with_the_same_arguments() -> None:
    assert methods(Client) == methods(AsyncClient)
    assert methods(Client)["book_get"] == ["self", "instrument", "depth"]
    assert all(value.__doc__ for name, value in vars(Client).items() if not name.startswith("_"))


def test_the_package_says_the_version_it_is_shipped_as() -> None:
    shipped = tomllib.loads((ROOT / "cux" / "pyproject.toml").read_text())["project"]
    assert shipped["version"] == cux.__version__
