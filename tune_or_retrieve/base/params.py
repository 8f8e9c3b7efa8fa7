"""The only reader of params.yaml, which is YAML 1.2, as DVC reads and writes it: 1e-05 is a number, yes is text.

Each stage asks for its own sections and checks them with its own class.
"""

import copy
import difflib
import fnmatch
import functools
import operator
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.validation import described

PARAMS_FILE = Path("params.yaml")
SECTIONS = (
    "study",
    "run",
    "models",
    "articles",
    "chunking",
    "qa",
    "knowledge_base",
    "retrieval",
    "fine_tune",
    "answer",
    "judges",
    "prices",
    "report",
)
Provider = Literal[
    "embedded", "openai", "bedrock", "langchain"
]  # of chat models, by packages in tune_or_retrieve/providers
NAME = re.compile(r"[A-Za-z0-9_-]+")
MOVED = {  # keys of old files: the key that has their value now; None: no key
    "models.*.threads": "run.threads",
    "judges.*.threads": "run.threads",
    "qa.llm.threads": "run.threads",
    "models.*.concurrency": "run.concurrency",
    "judges.*.concurrency": "run.concurrency",
    "qa.llm.concurrency": "run.concurrency",
    "budget_usd": "run.budget_usd",
    "knowledge_base.index_factory": "knowledge_base.faiss.index_factory",
    "knowledge_base.bm25": "knowledge_base.faiss.bm25",
    "knowledge_base.embedding": "knowledge_base.faiss.embedding",
    "fine_tune.epochs": "fine_tune.local.epochs",
    "fine_tune.learning_rate": "fine_tune.local.learning_rate",
    "fine_tune.warmup_ratio": "fine_tune.local.warmup_ratio",
    "fine_tune.batch_size": "fine_tune.local.batch_size",
    "fine_tune.max_tokens": "fine_tune.local.max_tokens",
    "fine_tune.patience": "fine_tune.local.patience",
    "fine_tune.lora": "fine_tune.local.lora",
    "fine_tune.local.lora.dropout": None,
    "fine_tune.raft.distractors": None,
    "fine_tune.parity.max_logit_distance": None,
}


def _filled(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("must not be empty, nor begin or end with a space")
    return value


Filled = Annotated[str, AfterValidator(_filled)]  # an id, a name or a path: somewhere, '' would be taken for "none"


def _named(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a name must be text: put it in quotes")  # YAML reads 1 as a number, null as nothing
    if not NAME.fullmatch(value):
        raise ValueError("a name must be of letters, digits, - and _")
    return value


Name = Annotated[str, BeforeValidator(_named)]  # of an entry of `models` or `judges`: files and stages are named by it


class Section(BaseModel):
    """Base of every params class: unknown keys and wrong types are faults, never ignored or converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def variant(cls, raw: Any) -> "type[Section]":
        """The class that checks `raw`: a section of several kinds picks its own by what `raw` says it is.

        Chosen here and not by a pydantic union, so that faults name the key as it is in the file.
        """
        return cls


S = TypeVar("S", bound=Section)


class ParamsFaults(StageError):
    """Faults of params.yaml, all that were found at once.

    Args:
        lines: one for each, with its key, the rule and the value given.
    """

    def __init__(self, lines: Sequence[str], path: Path = PARAMS_FILE):
        super().__init__("\n  ".join([f"{path}: {len(lines)} fault{'s' * (len(lines) > 1)}:", *lines]))
        self.lines = lines


def load(key: str, kind: type[S], path: Path = PARAMS_FILE) -> S:
    """Read and check one section, for instance ``load("models.micro", ModelParams)``.

    Raises:
        StageError: the file cannot be read.
        ParamsFaults: names every fault in the section and every unknown section.
    """
    content = everything(path)
    faults = _beside_sections(content)
    if key in SECTIONS and key not in content:
        raise ParamsFaults([*faults, f"{key}: missing. It holds {', '.join(kind.model_fields)}."], path)
    raw = _section(content, key, path)
    _trace(key)
    kind = kind.variant(raw)
    try:
        section = kind.model_validate(raw, context=content)
    except ValidationError as fault:
        faults += _lines(key, raw, kind, content, fault)
    if faults:
        raise ParamsFaults(faults, path)
    return section


def load_value(key: str, kind: type, path: Path = PARAMS_FILE) -> Any:
    """Read one plain value or list, for instance ``load_value("run.budget_usd", float | None)``. Raises as `load`."""
    raw = _section(everything(path), key, path)
    _trace(key)
    try:
        return TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(raw)
    except ValidationError as fault:
        raise ParamsFaults([described(_where(key, error), error) for error in fault.errors()], path) from None


def everything(path: Path = PARAMS_FILE, yaml: YAML | None = None) -> dict[str, Any]:
    """The whole file, unchecked, for commands outside the pipeline.

    Args:
        yaml: what reads it, if not plain values are wanted but comments, too.

    Raises:
        StageError: it is not a YAML mapping, or a key is twice in a section.
    """
    text = read_text(path)
    try:
        content = (yaml or YAML(typ="safe")).load(text)
    except DuplicateKeyError as fault:
        key = re.search(r'duplicate key "([^"]*)"', fault.problem)
        line, named = fault.problem_mark.line + 1, key[1] if key else "a key"
        raise StageError(f"{path}, line {line}: {named} is twice in its section. Remove one.") from None
    except (YAMLError, ValueError) as fault:  # ValueError: of a date such as 2026-13-01
        raise StageError(f"{path}: not valid YAML ({' '.join(str(fault).split())}).") from None
    if not isinstance(content, dict):
        raise StageError(f"{path}: must be a mapping of sections. Got {type(content).__name__}.")
    return content


def entries(section: str, path: Path = PARAMS_FILE) -> list[str]:
    """Valid names in a section of named entries, such as ``models``; none if it is not a mapping."""
    content = everything(path).get(section)
    keys = content if isinstance(content, dict) else ()
    return [key for key in keys if isinstance(key, str) and NAME.fullmatch(key)]


def read_text(path: Path) -> str:
    """A file of settings that is in git. Raises StageError if it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StageError(f"{path}: no such file. Run from the root of the repository.") from None
    except UnicodeDecodeError as fault:
        raise StageError(
            f"{path}: must be UTF-8, but is not from byte {fault.start} on. Save it as UTF-8, or restore it: "
            f"git checkout {path}"
        ) from None


def _beside_sections(content: dict[Any, Any]) -> list[str]:
    """Faults of the keys at the top of the file."""
    faults = []
    for name in content:
        if name in MOVED:
            faults.append(f"{name}: moved to {MOVED[name]}.")
        elif name not in SECTIONS:
            faults.append(f"{name}: unknown section.{_nearest(name, SECTIONS)}")
    return faults


def _section(content: Any, key: str, path: Path) -> Any:
    walked = []
    for part in key.split("."):
        if not isinstance(content, dict) or part not in content:
            known = list(content) if isinstance(content, dict) and (walked or part not in SECTIONS) else []
            raise ParamsFaults([f"{'.'.join([*walked, part])}: missing.{_nearest(part, known)}"], path)
        content = content[part]
        walked.append(part)
    return content


def _lines(key: str, raw: Any, kind: type[BaseModel], context: Any, fault: ValidationError) -> list[str]:
    """The faults of a section. A value that an old file has elsewhere counts as moved, not as missing."""
    moved, raw = [], copy.deepcopy(raw)
    for error in fault.errors():
        where = _where(key, error)
        old = next((one for one in MOVED if fnmatch.fnmatchcase(where, one)), None)
        if error["type"] == "extra_forbidden" and old:
            moved.append(f"{where}: moved to {MOVED[old]}." if MOVED[old] else f"{where}: no longer a key. Remove it.")
            inside = MOVED[old] and MOVED[old].startswith(f"{key}.")
            _move(raw, error["loc"], MOVED[old].removeprefix(f"{key}.") if inside else None)
    if not moved:
        return [_describe(key, error, kind) for error in fault.errors()]
    try:
        kind.model_validate(raw, context=context)
    except ValidationError as left:
        moved += _lines(key, raw, kind, context, left)
    return moved


def _move(raw: dict[str, Any], old: tuple, new: str | None) -> None:
    """Move a value within a section, or out of it if `new` is None. An existing value at the new place stays."""
    *parents, last = old
    value = functools.reduce(operator.getitem, parents, raw).pop(last)
    *parents, last = new.split(".") if new else [None]
    place = raw
    for part in parents:
        place = place.setdefault(part, {}) if isinstance(place, dict) else None
    if new and isinstance(place, dict):
        place.setdefault(last, value)


def _describe(key: str, error: ErrorDetails, kind: type[BaseModel]) -> str:
    nearest = ""
    if error["type"] == "extra_forbidden":
        nearest = _nearest(error["loc"][-1], _fields_at(kind, error["loc"][:-1]))
    return described(_where(key, error), error) + nearest


def _where(key: str, error: ErrorDetails) -> str:
    """The key at fault; for a key that is not valid, the mapping that holds it."""
    loc = error["loc"]
    if loc[-1:] == ("[key]",):
        loc = loc[:-2]
    elif error["type"] == "invalid_key":
        loc = loc[:-1]
    return ".".join([key, *map(str, loc)])


def _fields_at(kind: type[BaseModel] | None, loc: tuple) -> list[str]:
    """Names of the fields of the class that a location inside `kind` points to."""
    for part in loc:
        field = getattr(kind, "model_fields", {}).get(part)
        kind = _model_of(field.annotation) if field is not None else None
    return list(getattr(kind, "model_fields", {}))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _nearest(name: object, known: Iterable[object]) -> str:
    names = list(map(str, known))
    if close := difflib.get_close_matches(str(name), names, n=1):
        return f" Did you mean {close[0]!r}?"
    return f" Known: {', '.join(names)}." if names else ""


def _trace(key: str) -> None:
    """Append the key to the file named by TUNE_OR_RETRIEVE_PARAMS_TRACE: tests compare it with dvc.yaml."""
    if target := os.environ.get("TUNE_OR_RETRIEVE_PARAMS_TRACE"):
        with open(target, "a", encoding="utf-8") as file:
            file.write(f"{os.environ.get('DVC_STAGE', '-')}\t{key}\n")
