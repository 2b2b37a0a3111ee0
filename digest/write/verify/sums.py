"""Evaluate a calculation that a model gives for a derived figure: `55 - 26`, `3 * 60 + 49`.

The code computes it, and accepts only figures of the cited posts as operands: the model may explain
how a figure is derived, but cannot assert that it is.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Set
from itertools import islice, product

MAX_CHARS = 100
MAX_OPERANDS = 2
"""Maximum figures of posts in a calculation; sums of figures and products may have MAX_SUMMED."""
MAX_SUMMED = 8
MAX_FACTORS = 2
FACTORS = frozenset({2.0, 7.0, 8.0, 12.0, 24.0, 30.0, 52.0, 60.0, 365.0})
"""Factors that no post needs to have: half, double, and between units of time, bits and bytes."""
POWERS = frozenset({1.0, 100.0, 1000.0, 1e6})
"""Factors between other units; applied to a single figure they would change its magnitude."""
WHOLES = frozenset({1.0, 100.0})
"""Numbers that a share is subtracted from or added to before it multiplies: 10 / (1 - 0.6)."""
MAX_RESULTS = 50
MAX_NUMBER = 1e18
MIN_POWER = 2
"""Minimum power of ten between a figure and its leading digits: 273 for 273 million."""
EXACT = 1e-9
_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", ",": "", "，": "", "$": ""})


def list_results(text: str, known: Set[float], factors: Set[float] = FACTORS) -> Iterator[float]:
    """Yield the possible results of a calculation over `known` figures; none if it has numbers that
    are neither known nor `factors`. A number may stand for a figure in thousands or millions."""
    for side in text[:MAX_CHARS].translate(_SIGNS).split("="):
        tree = _parse(side)
        if isinstance(tree, ast.BinOp) and _is_short(tree, known, factors):
            choices = product(
                *(_list_meant(n, known, factors | POWERS) for n, _ in _list_numbers(tree))
            )
            for values in islice(choices, MAX_RESULTS):
                yield _work_out(tree, iter(values))


def _parse(text: str) -> ast.expr | None:
    """Return a calculation as a tree; None if it has more than numbers and the four operations."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError):
        return None
    return tree if _is_sum(tree) else None


def _is_sum(tree: ast.expr) -> bool:
    match tree:
        case ast.BinOp():
            return type(tree.op) in _OPERATIONS and _is_sum(tree.left) and _is_sum(tree.right)
        case ast.Constant():
            return _read_number(tree) is not None
    return False


def _read_number(tree: ast.expr) -> float | None:
    match tree:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value) if abs(value) < MAX_NUMBER:
            return float(value)
    return None


def _list_numbers(tree: ast.expr, *, scales: bool = False) -> Iterator[tuple[float, bool]]:
    """Yield the numbers of a calculation from left to right, each with True if it multiplies or
    divides."""
    if isinstance(tree, ast.BinOp):
        scaling = isinstance(tree.op, ast.Mult | ast.Div)
        yield from _list_numbers(tree.left, scales=scaling)
        yield from _list_numbers(tree.right, scales=scaling)
    else:
        yield _read_number(tree) or 0.0, scales


def _is_short(tree: ast.expr, known: Set[float], factors: Set[float]) -> bool:
    """Return True if a calculation is short enough for a reader to follow."""
    numbers = list(_list_numbers(tree))
    powers = POWERS - factors - known
    used = [n for n, scales in numbers if scales and n in factors | powers]
    multiplies = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult | ast.Div)
    wholes = powers & WHOLES if multiplies else frozenset()
    figures = [n for n, scales in numbers if n not in (factors | powers if scales else wholes)]
    if 100 in used:
        figures = list(set(figures))  # 2000 - 2000 * 95 / 100
    more = max(0, len(used) - MAX_FACTORS)  # surplus factors, which the posts must have
    others = len(figures) + more
    return (
        (others > 0 or not known.isdisjoint(used))
        and others <= (MAX_SUMMED if _adds_up(tree) else MAX_OPERANDS)
        and more <= sum(n in known for n in used)
        and (powers.isdisjoint(used) or sum(n != 1 and n not in powers for n, _ in numbers) > 1)
        and all(
            n in known | wholes or n not in factors | powers for n, scales in numbers if not scales
        )
    )


def _adds_up(tree: ast.expr) -> bool:
    """Return True for a sum of figures and products of two figures: 100 + 10 * 10."""
    match tree:
        case ast.BinOp(op=ast.Add()):
            return _adds_up(tree.left) and _adds_up(tree.right)
        case ast.BinOp(op=ast.Mult()):
            return not any(isinstance(side, ast.BinOp) for side in (tree.left, tree.right))
    return isinstance(tree, ast.Constant)


def _list_meant(number: float, known: Set[float], factors: Set[float]) -> list[float]:
    """Return the figures that a number in a calculation may stand for."""
    scaled = [value for value in known if _is_scaled(value, number)]
    plain = number in known | POWERS or (number in factors and not scaled)
    return [number, *scaled] if plain else scaled


def _is_scaled(value: float, number: float) -> bool:
    if number <= 0 or value < number:
        return False
    power = math.log10(value / number)
    return power > MIN_POWER - EXACT and abs(power - round(power)) < EXACT


def _work_out(tree: ast.expr, values: Iterator[float]) -> float:
    """Return the result, or infinity after a division by zero; `values` replace the numbers in
    their order."""
    if not isinstance(tree, ast.BinOp):
        return next(values)
    left, right = _work_out(tree.left, values), _work_out(tree.right, values)
    if isinstance(tree.op, ast.Div) and not right:
        return math.inf
    return _OPERATIONS[type(tree.op)](left, right)
