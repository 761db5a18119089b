"""Expressions of parametrised items: arithmetic over named decimals, and nothing else. Pure and exact."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException, localcontext
from functools import lru_cache

LENGTH = 300
DIGITS = 40
MOST_POWER = 64


class BadExpression(ValueError):
    """The text is no expression, or it cannot be computed with these values."""


def _round(number: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if exponent != exponent.to_integral_value() or abs(exponent) > MOST_POWER:
        raise BadExpression(f"the power must be whole and at most {MOST_POWER}")
    return base ** int(exponent)


_BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: _power,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Decimal, Decimal], bool]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "round": _round,
    "floor": lambda a: a.to_integral_value(ROUND_FLOOR),
    "ceil": lambda a: a.to_integral_value(ROUND_CEILING),
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": lambda a: a.sqrt(),
}


@lru_cache(maxsize=4096)
def _parse(text: str) -> ast.expr:
    if len(text) > LENGTH:
        raise BadExpression(f"longer than {LENGTH} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise BadExpression(f"not an expression: {text}") from fault


def names(text: str) -> set[str]:
    """Return the variables an expression uses. Raises: BadExpression."""
    return {node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name)} - set(_FUNCTIONS)


def evaluate(text: str, values: Mapping[str, Decimal]) -> Decimal:
    """Compute an expression: + - * / **, brackets, variables, round floor ceil min max sqrt abs.

    Args:
        text: the expression.
        values: the variables.

    Raises: BadExpression where it is none, names something unknown, or cannot be computed (division by nothing).
    """
    try:
        with localcontext(prec=DIGITS):
            return _number(_parse(text), values)
    except (DecimalException, ArithmeticError, RecursionError, TypeError) as fault:
        raise BadExpression(f"cannot be computed: {text}") from fault


def holds(condition: str, values: Mapping[str, Decimal]) -> bool:
    """Say whether a condition such as "a > b and b < 3" is met. Raises: BadExpression."""
    try:
        with localcontext(prec=DIGITS):
            return _truth(_parse(condition), values)
    except (DecimalException, ArithmeticError, RecursionError, TypeError) as fault:
        raise BadExpression(f"cannot be computed: {condition}") from fault


def _number(node: ast.expr, values: Mapping[str, Decimal]) -> Decimal:
    match node:
        case ast.Constant(value=bool()):
            raise BadExpression("true and false are no numbers")
        case ast.Constant(value=int() | float() as number):
            return Decimal(str(number))
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, values)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _number(operand, values)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
            return _BINARY[type(operator)](_number(left, values), _number(right, values))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
            return _FUNCTIONS[name](*(_number(argument, values) for argument in arguments))
        case _:
            raise BadExpression(f"not allowed or not known: {ast.unparse(node)}")


def _truth(node: ast.expr, values: Mapping[str, Decimal]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(part, values) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(_truth(part, values) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(operand, values)
        case ast.Compare(left=left, ops=operators, comparators=rights):
            numbers = [_number(one, values) for one in (left, *rights)]
            pairs = zip(operators, numbers, numbers[1:], strict=False)
            return all(type(op) in _COMPARE and _COMPARE[type(op)](a, b) for op, a, b in pairs)
        case _:
            raise BadExpression(f"not a condition: {ast.unparse(node)}")
