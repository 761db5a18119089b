"""Expressions of parametrised items: arithmetic over named decimals, and nothing else. Pure and exact."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    InvalidOperation,
    localcontext,
)
from functools import lru_cache

from questions.rules.faults import N_, Fault

LENGTH = 300
DIGITS = 40
SURE_DIGITS = 34
"""What divides evenly only in the end, as 1 / 3 * 3, is off in the last of its digits: these are right."""

MOST_POWER = 64


class BadExpression(Fault):
    """The text is no expression, or it cannot be computed with these values."""

    part = "expression"


def _sure(number: Decimal) -> Decimal:
    return Context(SURE_DIGITS).plus(number)


def _round(number: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    if abs(digits) > DIGITS:
        raise InvalidOperation  # before int(), which takes half a minute for a number of a million digits
    return _sure(number).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if exponent != exponent.to_integral_value() or abs(exponent) > MOST_POWER:
        raise BadExpression(N_("A power must be whole and at most %(most)s."), most=MOST_POWER)
    if not base and exponent < 0:
        raise ZeroDivisionError  # for which decimals give an infinity
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
    "floor": lambda a: _sure(a).to_integral_value(ROUND_FLOOR),
    "ceil": lambda a: _sure(a).to_integral_value(ROUND_CEILING),
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": lambda a: a.sqrt(),
}


@lru_cache(maxsize=4096)
def _parse(text: str) -> ast.expr:
    if len(text) > LENGTH:
        raise BadExpression(N_("The expression is longer than %(most)s characters."), most=LENGTH)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise BadExpression(N_("This is no expression: %(text)s"), text=text) from fault


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
        raise BadExpression(N_("This cannot be computed: %(text)s"), text=text) from fault


def rounded(text: str, values: Mapping[str, Decimal], decimals: int) -> Decimal:
    """Compute an expression and round it half up to so many decimals. Raises: BadExpression."""
    number = evaluate(text, values)
    try:
        with localcontext(prec=DIGITS):
            return _round(number, Decimal(decimals))
    except DecimalException as fault:
        raise BadExpression(N_("This cannot be computed: %(text)s"), text=text) from fault


def holds(condition: str, values: Mapping[str, Decimal]) -> bool:
    """Say whether a condition such as "a > b and b < 3" is met. Raises: BadExpression."""
    try:
        with localcontext(prec=DIGITS):
            return _truth(_parse(condition), values)
    except BadExpression as fault:
        raise fault.at("where") from fault.__cause__
    except (DecimalException, ArithmeticError, RecursionError, TypeError) as fault:
        raise BadExpression(N_("This cannot be computed: %(text)s"), text=condition).at("where") from fault


def _number(node: ast.expr, values: Mapping[str, Decimal]) -> Decimal:
    match node:
        case ast.Constant(value=bool()):
            raise BadExpression(N_("True and false are no numbers."))
        case ast.Constant(value=int() | float() as number) if str(number) != "inf":
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
            raise BadExpression(
                N_("This is not allowed in an expression, or not known: %(text)s"), text=ast.unparse(node)
            )


def _truth(node: ast.expr, values: Mapping[str, Decimal]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(part, values) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(_truth(part, values) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(operand, values)
        case ast.Compare(left=left, ops=operators, comparators=rights):
            numbers = [_sure(_number(one, values)) for one in (left, *rights)]
            pairs = zip(operators, numbers, numbers[1:], strict=False)
            return all(type(op) in _COMPARE and _COMPARE[type(op)](a, b) for op, a, b in pairs)
        case _:
            raise BadExpression(N_("This is no condition: %(text)s"), text=ast.unparse(node))
