"""What the shape of a parameter says besides its documentation, as plain sentences."""

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

LONGEST_PATTERN = 80  # characters; a longer regular expression (all are of ARNs) is of no use to a reader
MATCHES_ALL = {".*", r"[\s\S]*", r"[\S\s]*", r"^[\s\S]*$", r"\S+", r"[\s\S]+", ".+", r"[\S]+"}
NOUNS = {
    "string": ("string", "strings"),
    "character": ("string", "strings"),
    "integer": ("integer", "integers"),
    "long": ("integer", "integers"),
    "float": ("number", "numbers"),
    "double": ("number", "numbers"),
    "boolean": ("Boolean", "Booleans"),
    "timestamp": ("timestamp", "timestamps"),
    "blob": ("binary value", "binary values"),
    "structure": ("structure", "structures"),
    "list": ("list", "lists"),
    "map": ("map", "maps"),
}


def describe(name: str, shape: Shape, required: bool, parent: str = "") -> str:
    """Sentences on one parameter: "`Name` is a required string of 3 to 63 characters. ..."."""
    subject = f"`{name}`" + (f" in `{parent}`" if parent else "")
    article = "a required" if required else "an optional"
    sentences = [f"{subject} is {article} {kind(shape)}."]
    sentences += _values(f"`{name}`", shape)
    if isinstance(shape, ListShape):
        sentences += _element("Each item", shape.member)
    if isinstance(shape, MapShape):
        sentences += _element("Each key", shape.key) + _element("Each value", shape.value)
    return " ".join(sentences)


def kind(shape: Shape) -> str:
    """The type with its limits: "integer from 1 to 10", "list of 1 to 50 structures", "map of strings to strings"."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(shape, ListShape):
        return f"list of {_range(low, high, *_nouns(shape.member)) or _plural(shape.member)}"
    if isinstance(shape, MapShape):
        entries = _range(low, high, "entry", "entries")
        return f"map of {_plural(shape.key)} to {_plural(shape.value)}" + (f" with {entries}" if entries else "")
    if isinstance(shape, StructureShape) and shape.is_document_type:
        return "JSON value"
    noun = NOUNS[shape.type_name][0]
    if shape.type_name in ("string", "character", "blob"):
        unit = ("byte", "bytes") if shape.type_name == "blob" else ("character", "characters")
        length = _range(low, high, *unit)
        return f"{noun} of {length}" if length else noun
    if shape.type_name in ("integer", "long", "float", "double"):
        return noun + _interval(low, high)
    return noun


def _element(subject: str, shape: Shape) -> list[str]:
    described = kind(shape)
    plain = described == NOUNS[shape.type_name][0]
    return ([] if plain else [f"{subject} is {_a(described)}."]) + _values(subject, shape)


def _values(subject: str, shape: Shape) -> list[str]:
    sentences = []
    values = getattr(shape, "enum", []) if isinstance(shape, StringShape) else []
    if values:
        of = subject if subject.startswith("`") else subject[0].lower() + subject[1:]
        listed = join([f"`{value}`" for value in values])
        verb = "The valid values of {} are {}." if len(values) > 1 else "The only valid value of {} is {}."
        sentences.append(verb.format(of, listed))
    pattern = shape.metadata.get("pattern")
    if pattern and len(pattern) <= LONGEST_PATTERN and pattern not in MATCHES_ALL and not values:
        fence = "``" if "`" in pattern else "`"
        sentences.append(f"{subject} must match the pattern {fence}{pattern}{fence}.")
    return sentences


def join(items: list[str]) -> str:
    """ "a", "a and b", "a, b, and c"."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


def _plural(shape: Shape) -> str:
    return _nouns(shape)[1]


def _nouns(shape: Shape) -> tuple[str, str]:
    """Singular and plural."""
    if isinstance(shape, ListShape):
        inner = _plural(shape.member)
        return f"list of {inner}", f"lists of {inner}"
    if isinstance(shape, StructureShape) and shape.is_document_type:
        return "JSON value", "JSON values"
    return NOUNS[shape.type_name]


def _range(low: int | None, high: int | None, one: str, many: str) -> str:
    """Bounds of a size. A minimum of 0 says nothing."""
    low = low or None
    if high is None:
        return "" if low is None else f"at least {low} {one if low == 1 else many}"
    if low is None:
        return f"at most {high} {one if high == 1 else many}"
    if low == high:
        return f"exactly {low} {one if low == 1 else many}"
    return f"{low} to {high} {many}"


def _interval(low: int | None, high: int | None) -> str:
    if low is not None and low == high:
        return f" that must be {low}"
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return f" of at most {high}" if high is not None else ""


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
