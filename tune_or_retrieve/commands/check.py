"""All of params.yaml at once, before anything runs: DVC looks only at the keys that some stage declares."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.answer.params import AnswerParams
from stages.articles.from_botocore import check_source
from stages.articles.params import ArticlesParams
from stages.articles.walk import walk
from stages.chunks.params import ChunkingParams
from stages.fine_tune.elsewhere import changes
from stages.fine_tune.params import FineTuneParams
from stages.fine_tune.run import check_trainable
from stages.index.params import KnowledgeBaseParams
from stages.judge.params import JudgeParams
from stages.qa.params import QaParams
from stages.report.params import ReportParams
from stages.retrieve.params import RetrievalParams
from tune_or_retrieve.base import machine, params
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.locations import HUB, resolve
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.questions import HANDWRITTEN, NO_HANDWRITTEN
from tune_or_retrieve.base.records import Question
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.commands import documents
from tune_or_retrieve.commands.destinations import destinations, missing_keys
from tune_or_retrieve.commands.forecast import GRAPH, forecast
from tune_or_retrieve.commands.languages import language_lines
from tune_or_retrieve.money.prices import Prices
from tune_or_retrieve.providers.bedrock.knowledge_base.params import BedrockBaseParams
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.params import Model as TunableModel
from tune_or_retrieve.providers.embedded.weights import check_weights
from tune_or_retrieve.providers.langchain.engine import check_installed
from tune_or_retrieve.providers.langchain.params import LangChainModel
from tune_or_retrieve.vectors.embedding import EmbeddingParams

SECTIONS: dict[str, type[params.Section]] = {
    "articles": ArticlesParams,
    "chunking": ChunkingParams,
    "qa": QaParams,
    "knowledge_base": KnowledgeBaseParams,
    "retrieval": RetrievalParams,
    "fine_tune": FineTuneParams,
    "answer": AnswerParams,
    "prices": Prices,
    "report": ReportParams,
}


def check() -> None:
    """Print that there are no faults, and what would run. Raises StageError with the faults of all sections."""
    refuse_faults()
    print(f"{params.PARAMS_FILE}: no faults.", flush=True)
    study = params.load("study", StudyParams)
    for model in study.models:
        approaches = [arm.approach for arm in study.arms if arm.model == model]
        print(f"Approaches of {model}: {', '.join(approaches)}.", flush=True)
    for line in destinations(study):
        print(line, flush=True)
    for line in missing_keys(study):
        print(line, flush=True)
    articles = params.load("articles", ArticlesParams)
    if articles.source == "folder":
        found = walk(articles.folder)
        print(documents.held(articles.folder.path, found), flush=True)
        for line in language_lines([Path(articles.folder.path, file) for file in found.files]):
            print(line, flush=True)
    for line in forecast(params.everything()):
        print(line)


def refuse_faults() -> None:
    """Check every section with the class of the stage that reads it.

    Raises:
        StageError: holds the faults of all sections.
    """
    faults: list[str] = []
    elsewhere: list[str] = []

    def tried(read: Callable, *args):
        try:
            return read(*args)
        except params.ParamsFaults as fault:
            faults.extend(fault.lines)
        except StageError as fault:
            elsewhere.append(str(fault))

    tried(machine.check_processor)
    study, run = tried(params.load, "study", StudyParams), tried(params.load, machine.SECTION, RunParams)
    sections: dict[str, params.Section | None] = {key: tried(params.load, key, kind) for key, kind in SECTIONS.items()}
    if sections["articles"] and sections["articles"].source == "botocore":
        tried(check_source, sections["articles"].botocore)
    if articles := sections["articles"]:
        if not Path(articles.folder.path).is_dir():
            # DVC needs it whatever the source is, and says less clearly that it is missing.
            faults.append(f"articles.folder.path: must be a folder. Got {articles.folder.path!r}: no such folder.")
        else:
            tried(documents.refuse_what_dvc_refuses, Path(articles.folder.path))
            if articles.source == "folder":
                tried(documents.refuse_a_folder_without, articles.folder)
    base, retrieval = sections["knowledge_base"], sections["retrieval"]
    if base and base.backend == base.fallback:
        faults.append(f"knowledge_base.fallback: must be none with backend {base.backend}. Got {base.fallback!r}.")
    if base and base.bedrock is not None:  # in a local study, too: it takes one word to use it
        tried(params.load, "knowledge_base.bedrock", BedrockBaseParams)
    if base and retrieval and base.backend == "bedrock" and getattr(study, "retrieves", True):
        # Here: it imports boto3, which a local study does not need.
        from tune_or_retrieve.providers.bedrock.knowledge_base.retriever import search_type

        tried(search_type, retrieval.mode, base.bedrock.store)
    for section, kind in (("models", ModelParams), ("judges", JudgeParams)):
        tried(params.load_value, section, dict[params.Name, Any])
        # Entries that the study does not use are checked, too: it takes one word to use them.
        for name in dict.fromkeys([*getattr(study, section, {}), *(tried(params.entries, section) or ())]):
            sections[f"{section}.{name}"] = tried(params.load, f"{section}.{name}", kind)
    for name in getattr(study, "fine_tune", {}):
        model = sections[f"models.{name}"]
        if model and model.provider != "bedrock" and getattr(model, "tuned", None) is None:
            tried(check_trainable, name, model)
    if HANDWRITTEN.exists() or GRAPH.is_file():  # without a pipeline, params.yaml is checked alone
        tried(lambda: list(read_jsonl(HANDWRITTEN, Question, NO_HANDWRITTEN)))
    parts = [part for section in sections.values() for part in _parts(section)]
    weights = {(part.weights, part.sha256) for part in parts if isinstance(part, EmbeddedModel)}
    others = {part.model for part in parts if isinstance(part, EmbeddingParams)}
    others |= {one for part in parts if isinstance(part, ChunkingParams) for one in part.tokenizers}
    for location, sha256 in sorted(weights, key=str):
        if not location.startswith(HUB):
            tried(check_weights, location, sha256)
    for location in sorted(others):
        if not location.startswith(HUB):
            tried(_refuse_what_is_no_model, location)
    for name, section in sections.items():
        if isinstance(section, TunableModel) and section.tuned is not None:
            tried(_refuse_what_was_not_tuned_from_it, name.partition(".")[2], section)
    for part in parts:
        if isinstance(part, LangChainModel):
            tried(check_installed, part)
    if answer := sections["answer"]:
        faults += [
            f"{name}.context_tokens: must be more than answer.max_tokens ({answer.max_tokens}), as it holds the prompt "
            f"too. Got {section.context_tokens}."
            for name, section in sections.items()
            if isinstance(section, EmbeddedModel) and section.context_tokens <= answer.max_tokens
        ]
    if run:
        _refuse_what_the_machine_lacks(run, sections, tried)
    if faults:  # each once: several sections may find the same
        elsewhere.insert(0, str(params.ParamsFaults(list(dict.fromkeys(faults)))))
    if elsewhere:
        raise StageError("\n".join(dict.fromkeys(elsewhere)))


def _refuse_what_is_no_model(location: str) -> None:
    """Raises StageError if the location of an embedding model or tokenizer is missing, or a folder without a model."""
    path = resolve(location)
    if path.is_dir() and not (path / "config.json").is_file():
        raise StageError(
            f"{location}: must be the folder of an embedding model. Got {str(path)!r}, which has no config.json."
        )


def _refuse_what_was_not_tuned_from_it(name: str, model: TunableModel) -> None:
    """Raises StageError as the stage fine_tune."""
    if not any(location.startswith(HUB) for location in (model.weights, model.tuned)):
        with tempfile.TemporaryDirectory() as folder:
            changes(name, model, Path(folder))


def _refuse_what_the_machine_lacks(
    run: RunParams, sections: Mapping[str, params.Section | None], tried: Callable
) -> None:
    """Only what is asked for by name can be lacking, so torch and llama.cpp are imported only then."""
    if run.gpu_layers != "auto":
        from tune_or_retrieve.providers.embedded.server import gpu_layers

        tried(gpu_layers, run.gpu_layers)
    asked = [(key, dtype) for name, section in sections.items() for key, dtype in _dtypes(name, section)]
    asked = [(key, dtype) for key, dtype in asked if dtype == "bfloat16"]
    if (asked or run.device not in ("auto", "cpu")) and (device := tried(machine.device, run.device)):
        for key, dtype in asked:
            tried(machine.dtype, dtype, device, key)


def _parts(section: params.Section | None) -> Iterator[params.Section]:
    """A section and all sections within it."""
    if section is not None:
        yield section
        for _, value in section:
            if isinstance(value, params.Section):
                yield from _parts(value)


def _dtypes(key: str, section: params.Section | None) -> Iterator[tuple[str, str]]:
    """Every number format in a section, with its key."""
    for name, value in section or ():
        if name == "dtype":
            yield f"{key}.{name}", value
        elif isinstance(value, params.Section):
            yield from _dtypes(f"{key}.{name}", value)
