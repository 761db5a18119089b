"""Integer fen, and the one function that splits them."""

import re
from collections.abc import Sequence
from fractions import Fraction


def split(total_fen: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by largest remainder so that the parts sum exactly to it (M8).

    Args:
        total_fen: the pot in fen, not negative.
        weights: one non-negative weight a part, in the order that wins equal remainders.

    Returns: one amount in fen a weight.
    Raises: ValueError when the pot is negative, a weight is negative, or nothing has weight.
    Source: Hamilton's method (largest remainder).
    """
    whole = sum(weights)
    if total_fen < 0 or any(weight < 0 for weight in weights) or whole == 0:
        raise ValueError("a split needs a pot of at least 0 fen and some positive weight")
    floors = [total_fen * weight // whole for weight in weights]
    remainders = [Fraction(total_fen * weight, whole) - floor for weight, floor in zip(weights, floors, strict=True)]
    left = total_fen - sum(floors)
    for place in sorted(range(len(weights)), key=lambda i: -remainders[i])[:left]:
        floors[place] += 1
    return floors


def split_equally(total_fen: int, parts: int) -> list[int]:
    """Split an amount into equal parts, the first ones one fen larger where it does not divide.

    Args:
        total_fen: the pot in fen, not negative.
        parts: how many parts, at least 1.

    Raises: ValueError as `split` does.
    """
    return split(total_fen, [1] * parts)


def format_yuan(fen: int) -> str:
    """Write fen as yuan, e.g. 14000000 as ¥140,000.00 and -5 as -¥0.05."""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{yuan:,}.{rest:02d}"


def plain_yuan(fen: int) -> str:
    """Write fen as a plain decimal for files, e.g. 123456 as 1234.56."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def read_yuan(text: str) -> int | None:
    """Read an amount in yuan with at most two decimals, e.g. "1,234.50" or "¥67.6", as fen; None when it is none."""
    read = re.fullmatch(r"[¥￥]?(-?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.([0-9]{1,2}))?", text.strip())
    if read is None:
        return None
    fen = int(read[2].replace(",", "")) * 100 + int((read[3] or "").ljust(2, "0"))
    return -fen if read[1] else fen
