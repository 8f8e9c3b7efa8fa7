"""A document cut as chunkingConfiguration says: by words where Bedrock counts tokens."""

import re
from typing import Any

from .errors import invalid
from .text import sentences

DEFAULT = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 300, "overlapPercentage": 20},
}
SECTIONS = {
    "FIXED_SIZE": "fixedSizeChunkingConfiguration",
    "HIERARCHICAL": "hierarchicalChunkingConfiguration",
    "SEMANTIC": "semanticChunkingConfiguration",
}


def check(configuration: dict[str, Any]) -> None:
    """Raises ValidationException unless the strategy has its own section, no other, and sizes that fit."""
    strategy = configuration["chunkingStrategy"]
    given = {name for name in SECTIONS.values() if name in configuration}
    if given != ({SECTIONS[strategy]} if strategy in SECTIONS else set()):
        raise invalid(f"The chunking strategy {strategy} does not fit the configurations given: {sorted(given)}.")
    if strategy == "HIERARCHICAL":
        section = configuration[SECTIONS[strategy]]
        parent, child = (level["maxTokens"] for level in section["levelConfigurations"])
        if child >= parent or section["overlapTokens"] >= child:
            raise invalid("Child chunks must be smaller than their parents, and the overlap smaller than a child.")


def chunks(text: str, configuration: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of what is embedded and what is returned for it: they differ only in hierarchical chunking."""
    strategy = configuration["chunkingStrategy"]
    if strategy == "NONE":
        return [(text, text)]
    section = configuration[SECTIONS[strategy]]
    if strategy == "FIXED_SIZE":
        size = section["maxTokens"]
        return [(one, one) for one in _windows(text, size, size * section["overlapPercentage"] // 100)]
    if strategy == "HIERARCHICAL":
        parent, child = (level["maxTokens"] for level in section["levelConfigurations"])
        overlap = section["overlapTokens"]
        return [(one, whole) for whole in _windows(text, parent, 0) for one in _windows(whole, child, overlap)]
    return [(one, one) for one in _sentence_groups(text, section["maxTokens"])]


def _windows(text: str, size: int, overlap: int) -> list[str]:
    """Slices of the text, so many words long, each beginning so many words before the end of the last."""
    places = [match.span() for match in re.finditer(r"\S+", text)]
    starts = range(0, max(len(places) - overlap, 1), max(size - overlap, 1))
    return [text[places[at][0] : places[min(at + size, len(places)) - 1][1]] for at in starts]


def _sentence_groups(text: str, size: int) -> list[str]:
    groups: list[list[str]] = []
    for sentence in sentences(text):
        for piece in _windows(sentence, size, 0):
            if not groups or sum(len(one.split()) for one in groups[-1]) + len(piece.split()) > size:
                groups.append([])
            groups[-1].append(piece)
    return [" ".join(group) for group in groups]
