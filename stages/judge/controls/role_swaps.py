"""Wrong answers that exchange two roles: who does it, from where to where, which of two operations."""

import itertools
import re

IDENTIFIER = re.compile(r"\b(?:[a-z0-9]+:)?(?:[A-Z][a-z0-9]+){2,}\b|\b[A-Z]+(?:_[A-Z0-9]+)+\b")
PRODUCTS = frozenset(
    ("EventBridge", "CloudWatch", "DynamoDB", "CloudTrail", "CloudFormation", "OpenSearch", "PrivateLink")
)
_PAIRS = (("source", "destination"), ("standard", "FIFO"), ("sender", "receiver"), ("producer", "consumer"),
          ("parent", "child"), ("primary", "replica"), ("minimum", "maximum"), ("first", "last"))  # fmt: skip
_STATEMENT = re.compile(r"[.;]\s+|,?\s+(?:whereas|while)\s+")
_PART = re.compile(r"\s+(?:parameters?|elements?|permissions?)\b|\.\w")  # of an operation: no rival of one
_THING = r"((?:an? |the |one |another )?(?!wh)[a-z]\w+(?: [a-z]\w+)?)"
_FROM_TO = re.compile(rf"\bfrom {_THING} to {_THING}(?=[.,;]|$)")


def swap_roles(text: str) -> str | None:
    """Two with different parts change places: "from A to B", source and destination, "A reads, whereas B writes"."""
    for a, b in (*_PAIRS, *_rivals(text)):
        in_a_list = re.search(rf"\b(?:{a}|{b}),? (?:and|or) (?:an? |the )?(?:{a}|{b})\b", text)  # in any order
        if not in_a_list and re.search(rf"\b{a}\b", text) and re.search(rf"\b{b}\b", text):
            return re.sub(rf"\b({a}|{b})\b", lambda m, a=a, b=b: b if m[0] == a else a, text)
    return _FROM_TO.sub(r"from \2 to \1", text, count=1) if _FROM_TO.search(text) else None


def _rivals(text: str) -> list[tuple[str, str]]:
    """Two operations, or two exceptions, each the only one of its kind that one of two statements names alone.

    What the one statement says is not true of the other's: else it would not be told of each of them apart.
    """
    statements = [found for part in _STATEMENT.split(text) if (found := _named(part))]
    return [
        (one, two)
        for left, right in itertools.combinations(statements, 2)
        for kind in (True, False)
        for one, two in itertools.product(_of_kind(left - right, kind), _of_kind(right - left, kind))
        if len(_of_kind(left - right, kind)) == len(_of_kind(right - left, kind)) == 1
    ]


def _named(statement: str) -> set[str]:
    return {
        m[0] for m in IDENTIFIER.finditer(statement) if m[0] not in PRODUCTS and not _PART.match(statement, m.end())
    }


def _of_kind(names: set[str], is_exception: bool) -> list[str]:
    return sorted(name for name in names if name.endswith(("Exception", "Error")) == is_exception)
