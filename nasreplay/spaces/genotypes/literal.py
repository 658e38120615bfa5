"""Python text as people print genotypes, read without running anything.

Constants, lists, tuples and dictionaries, and a handful of calls by name: `range`, `list`, `tuple`, the numbers that
NumPy prints, and the constructors of genotypes and of configurations (of any module), which become dictionaries of
their fields.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from nasreplay.errors import BadArchitecture

LONGEST = 20_000  # characters; a genotype has a few hundred
MOST = 1000  # states in a range
CONSTRUCTORS = {
    "Genotype.from_arch": ("normal_arch", "normal_concat", "reduced_arch", "reduced_concat"),
    "CNNGenotype": ("normal", "normal_concat", "reduce", "reduce_concat"),  # of aw_nas
    "Genotype": ("normal", "normal_concat", "reduce", "reduce_concat", "connectN", "connects"),
    "Configuration": ("values",),  # of ConfigSpace
}
SEQUENCES = {"list", "tuple", "array", "np.array", "numpy.array", "tensor", "torch.tensor"}
_NUMBER = re.compile(r"float|int|(np|numpy)\.(float|u?int)\d+")


class NoArchitecture(BadArchitecture):
    """A text that is about something else, such as a call in a program: a search in a longer text goes on."""


def literal(text: str) -> Any:
    """The value of an expression, or of an assignment `NAME = expression`. Raises BadArchitecture."""
    try:
        body = ast.parse(text.strip()).body
        if len(body) != 1 or not isinstance(body[0], ast.Expr | ast.Assign):
            raise BadArchitecture(f"{_short(text)} is not one expression")
        return _value(body[0].value)
    except BadArchitecture:
        raise
    except SyntaxError as problem:
        told = problem.msg.partition(";")[0]  # what follows is advice to programmers
        raise BadArchitecture(f"{_short(text)}, character {problem.offset}: {told}") from None
    except (ValueError, OverflowError, MemoryError, RecursionError) as problem:
        raise BadArchitecture(f"{_short(text)} is not Python text: {problem}") from None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_value(key) for key in keys if key is not None]
            if not all(isinstance(name, str) for name in names):
                raise BadArchitecture("a dictionary of a genotype has texts as keys")
            return dict(zip(names, map(_value, values), strict=True))
        case ast.Call():
            return _call(node)
    raise NoArchitecture(f"{_short(ast.unparse(node))} is not allowed in a genotype, which is plain data")


def _call(node: ast.Call) -> Any:
    name, arguments = ast.unparse(node.func), [_value(argument) for argument in node.args]
    named = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    made = next((each for each in CONSTRUCTORS if f".{name}".endswith(f".{each}")), "")
    if made:
        fields = CONSTRUCTORS[made]
        given = dict(zip(fields, arguments, strict=False)) | named
        if len(arguments) > len(fields) or len(given) < len(arguments) + len(node.keywords):
            raise BadArchitecture(f"{_short(name)} takes the fields {', '.join(fields)} once each")
        return given
    if name == "range" and not named and all(type(argument) is int for argument in arguments):
        states = range(*arguments) if 1 <= len(arguments) <= 3 else range(0)
        if not 0 < len(states) <= MOST:
            raise BadArchitecture(f"{_short(ast.unparse(node))} must have 1 to {MOST} numbers")
        return list(states)
    if name == "OrderedDict" and len(arguments) == 1 and isinstance(arguments[0], list) and not named:
        pairs = arguments[0]
        if all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
            return dict(pairs)
    if name in SEQUENCES and len(arguments) == 1 and isinstance(arguments[0], list) and not named:
        return arguments[0]
    if (
        _NUMBER.fullmatch(name)
        and len(arguments) == 1
        and isinstance(arguments[0], int | float)
        and not named
    ):
        return arguments[0]
    raise NoArchitecture(f"{_short(ast.unparse(node))} is not allowed in a genotype, which is plain data")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
