"""Inputs of an approach: the passages retrieved for each question, an adapter. Each reads only what it uses."""

from collections.abc import Sequence
from pathlib import Path

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import APPROACHES, FINE_TUNED, RETRIEVING, Approach, Passage, Question, Retrieved
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.tuned import read_tuned

CONTEXTS = Path("data/contexts/contexts.jsonl")
FINE_TUNE = Path("data/fine_tune")


def check_approach(name: str) -> Approach:
    if name not in APPROACHES:
        raise StageError(f"approach must be one of {', '.join(APPROACHES)}. Got {name!r}.")
    return name


def read_contexts(approach: Approach, questions: Sequence[Question], path: Path = CONTEXTS) -> dict[str, list[Passage]]:
    """Question id to passages, best first; empty for an approach that does not retrieve, which reads no file.

    Raises:
        StageError: a question has no passages: without them, `base` would be passed off as `rag`.
    """
    if approach not in RETRIEVING:
        return {}
    contexts = {row.question_id: row.passages for row in read_jsonl(path, Retrieved)}
    without = [question.id for question in questions if not contexts.get(question.id)]
    if without:
        shown = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        raise StageError(
            f"{path}: {len(without)} of {len(questions)} questions have no passages ({shown}). "
            "It was made for other questions: run `dvc repro retrieve`."
        )
    return contexts


def fine_tuned(
    approach: Approach, name: str, model: ModelParams, folder: Path = FINE_TUNE
) -> tuple[ModelParams, Path | None]:
    """The model that answers in an approach, and the adapter that is applied to it. Raises StageError as adapter_path.

    Args:
        model: the entry `name` of `models`; in a fine-tuned approach, with the changes of a model tuned elsewhere.
    """
    tuned = read_tuned(folder / name) if approach in FINE_TUNED else None
    if tuned and tuned.changes:
        return model.model_copy(update=tuned.changes), None
    return model, adapter_path(approach, name, folder)


def adapter_path(approach: Approach, model: str, folder: Path = FINE_TUNE) -> Path | None:
    """The adapter of a fine-tuned approach. Raises StageError if it was not made."""
    if approach not in FINE_TUNED:
        return None
    path = folder / model / "adapter.gguf"
    if not path.is_file():
        raise StageError(f"{path}: no such adapter. Run `dvc repro`, which makes it by fine-tuning.")
    return path
