"""Form-encoded bodies as Stripe's clients send them: `a[b][0][c]=1` is a tree."""

from typing import Any
from urllib.parse import parse_qsl

from stripe_double.errors import malformed

Tree = dict[str, Any]


def parse_form(text: str) -> Tree:
    """Return the tree of a form-encoded text: hashes are dicts, `[0]` and `[]` make lists of their parents.

    Raises StripeError for a name that is used both as a value and as a hash.
    """
    tree: Tree = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        path = _path(name)
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise malformed(f"Invalid hash: {name}", name, "parameter_invalid")
        node[path[-1] or str(len(node))] = value
    return {name: _lists(value) for name, value in tree.items()}


def _path(name: str) -> list[str]:
    head, *rest = name.split("[")
    return [head, *(step.removesuffix("]") for step in rest)]


def _lists(node: Any) -> Any:
    """Return the node with every hash whose names are numbers made a list."""
    if not isinstance(node, dict):
        return node
    if node and all(name.isdecimal() for name in node):
        return [_lists(node[name]) for name in sorted(node, key=int)]
    return {name: _lists(value) for name, value in node.items()}
