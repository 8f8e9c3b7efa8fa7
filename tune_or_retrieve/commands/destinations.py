"""Which text of the study is sent to which server: what a team must know before it runs one on its documents."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from stages.index.params import KnowledgeBaseParams
from stages.judge.params import JudgeParams
from stages.qa.params import QaParams
from tune_or_retrieve.base import params
from tune_or_retrieve.base.records import RETRIEVING
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.chat.models import ModelParams

PASSAGES, CHUNKS, PAIRS = "passages of the documents", "all documents in chunks", "training pairs with passages"
QUESTIONS, GRADED = "test questions", ("right answers", "answers", "validation pairs")


class Sent(NamedTuple):
    """What one entry of params.yaml sends."""

    to: str | None  # None: it stays in this process
    entry: str
    texts: tuple[str, ...]


def destinations(study: StudyParams) -> list[str]:
    """Lines to print: what goes where, by destination. Costs are forecast's."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for to, entry, texts in _sent(study):
        if to is not None:
            entries, all_texts = found.setdefault(to, ({}, {}))
            entries[entry] = None
            all_texts.update(dict.fromkeys(texts))
    if not found:
        return ["No text leaves this machine."]
    return [
        "Text is sent:",
        *(f"  to {to} ({', '.join(entries)}): {', '.join(texts)}" for to, (entries, texts) in found.items()),
    ]


def missing_keys(study: StudyParams) -> list[str]:
    """A warning for each environment variable that should hold a key and does not: a run may still need no call."""
    sections = {f"models.{name}": params.load(f"models.{name}", ModelParams) for name in study.models}
    sections |= {f"judges.{name}": params.load(f"judges.{name}", JudgeParams) for name in study.judges}
    qa = params.load("qa", QaParams)
    if qa.generator == "llm":
        sections["qa.llm"] = qa.llm
    named = {key: getattr(section, "api_key_env", None) for key, section in sections.items()}
    return [
        f"WARNING: environment variable {name}, which {key} names, holds no key: calls of its model will fail."
        for key, name in named.items()
        if name and not os.environ.get(name)
    ]


def _sent(study: StudyParams) -> Iterator[Sent]:
    qa = params.load("qa", QaParams)
    if writer := getattr(qa, "llm", None) if qa.generator == "llm" else None:
        yield Sent(writer.sent_to, "qa.llm", (PASSAGES,))
    base = params.load("knowledge_base", KnowledgeBaseParams)
    if study.retrieves and base.backend == "bedrock":
        yield Sent(base.bedrock.sent_to, "knowledge_base", (CHUNKS, QUESTIONS))
    models = {name: params.load(f"models.{name}", ModelParams) for name in study.models}
    for name in study.fine_tune:
        if getattr(models[name], "customization", None):
            yield Sent(models[name].sent_to, f"models.{name}", (PAIRS,))
    for name, approach in study.arms:
        yield Sent(models[name].sent_to, f"models.{name}", (QUESTIONS, *[PASSAGES] * (approach in RETRIEVING)))
    for name in study.judges:
        judge = params.load(f"judges.{name}", JudgeParams)
        yield Sent(getattr(judge, "sent_to", None), f"judges.{name}", (QUESTIONS, *GRADED))
    if _traced():
        yield Sent("LangSmith", "its environment variables", ("all prompts", "replies"))


def _traced() -> bool:
    """Whether LangChain, by which all models but Bedrock's are called, would send a copy of every call."""
    from langsmith.utils import tracing_is_enabled

    return bool(tracing_is_enabled())
