"""Front matter of Markdown: YAML between lines of ---, TOML between lines of +++."""

import re
import tomllib

import yaml

from tune_or_retrieve.text.markdown import plain

FRONT_MATTER = re.compile(
    r"(?:[ \t]*\n)*(---|\+\+\+)[ \t]*\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
LONGEST_FRONT_MATTER = 100_000  # characters; what is longer is text between two rules


def split_front_matter(text: str) -> tuple[str, str | None, tuple[str, ...]]:
    """The text below the front matter, the title that this names, and notes. What is no front matter stays text."""
    found = FRONT_MATTER.match(text[:LONGEST_FRONT_MATTER])
    if not found:
        return text, None, ()
    try:  # a YAML loader that makes neither objects nor numbers: a title is what is written
        values = tomllib.loads(found[2]) if found[1] == "+++" else yaml.load(found[2], yaml.BaseLoader)
    except (ValueError, yaml.YAMLError):
        if not re.match(r"[\w-]+[ \t]*[:=]", found[2]):
            return text, None, ()
        body = f"```\n{found[2]}```\n{text[found.end() :]}"  # its lines would become headings
        return body, None, (f"its front matter is no valid {'TOML' if found[1] == '+++' else 'YAML'} and was kept",)
    if not isinstance(values, dict):
        return (text, None, ()) if values else (text[found.end() :], None, ())
    title = values.get("title")
    return text[found.end() :], (plain(title) or None) if isinstance(title, str) else None, ()
