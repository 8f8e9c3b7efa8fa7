"""Prompts in text files, filled with material that must not be taken for instructions."""

from collections.abc import Mapping
from string import Template

from tune_or_retrieve.base.files import sha256_text

BORDER = "\n----\n"  # between the system's part of the file and the user's
MARK_DIGITS = 12


def filled(prompt: str, material: Mapping[str, str], **more: str) -> list[dict[str, str]]:
    """The system and the user message of a prompt with $names.

    Args:
        material: untrusted texts by name. ``$mark`` is derived from them, so no text can contain its own mark.
        more: our own words by name.
    """
    mark = sha256_text("\0".join(material.values()))[:MARK_DIGITS]
    system, user = (Template(part).substitute(material, mark=mark, **more) for part in prompt.split(BORDER))
    return [{"role": "system", "content": system.strip()}, {"role": "user", "content": user.strip()}]
