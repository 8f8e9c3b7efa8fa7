"""Words that would be marks of Markdown, and code that holds fences."""

import re

# What at the start of a line would be a heading, list, quote, fence, rule, tag, container or definition.
MARKS = re.compile(r"#{1,6}(?=\s|$)|[-+*](?=\s|$)|>|`{3}|~{3}|<(?=[A-Za-z/!?])|:{3}|!{3}|[-=_*]{2,}\s*$|\[[^]]*\]:")
NUMBER = re.compile(r"(\d{1,9})[.)](?=\s|$)")


def escape(words: str) -> str:
    """A line of plain text, which starts with no blank, as Markdown that says the same. Marks within it are left."""
    if MARKS.match(words):
        return f"\\{words}"
    number = NUMBER.match(words)
    return f"{number[1]}\\{words[number.end(1) :]}" if number else words


def fenced(code: str, language: str = "") -> str:
    """Code in a fence that is longer than any within it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"
