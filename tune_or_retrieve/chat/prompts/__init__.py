"""The prompts, as text files beside this module. Training and answering render them with the same functions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tune_or_retrieve.text.headings import HasHeading, heading

FOLDER = Path(__file__).parent


class HasText(HasHeading, Protocol):
    text: str


def system_prompt() -> str:
    return _read("system.txt")


def user_prompt(question: str, passages: Sequence[HasText] = ()) -> str:
    """The user's message: the question alone, or the passages in the order given and then the question."""
    if not passages:
        return _read("question.txt").format(question=question)
    blocks = [
        _read("passage.txt").format(number=number, heading=heading(passage), text=passage.text.strip())
        for number, passage in enumerate(passages, start=1)
    ]
    return _read("question_with_passages.txt").format(passages="\n\n".join(blocks), question=question)


def messages(question: str, passages: Sequence[HasText] = ()) -> list[dict[str, str]]:
    """Chat messages, the same in training and in answering, identical in all approaches but for the passages."""
    return [
        {"role": "system", "content": system_prompt()},
        {"role": "user", "content": user_prompt(question, passages)},
    ]


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").rstrip("\n")
