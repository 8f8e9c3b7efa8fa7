"""The only reader of params.yaml. Each stage asks for its own sections and checks them with its own class."""

import difflib
import fnmatch
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from tune_or_retrieve.base.errors import StageError

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
Provider = Literal["embedded", "openai", "bedrock"]  # of chat models, each a package in tune_or_retrieve/providers
NAME = r"^[A-Za-z0-9_-]+$"  # of an entry of `models` or `judges`: files and DVC's stages are named by it
MOVED = {  # keys of old files: where their value stands now
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
}


def _filled(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("must not be empty, nor begin or end with a space")
    return value


Filled = Annotated[str, AfterValidator(_filled)]  # an id, a name or a place: '' would be taken for "none" somewhere


class Section(BaseModel):
    """Base of every params class: unknown keys and wrong types are faults, never ignored or converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def variant(cls, raw: Any) -> "type[Section]":
        """The class that checks `raw`: a section of several kinds picks its own by what `raw` says it is.

        Chosen here and not by a pydantic union, so that faults name the key as it stands in the file.
        """
        return cls


S = TypeVar("S", bound=Section)


def load(key: str, kind: type[S], path: Path = PARAMS_FILE) -> S:
    """Read and check one section, for instance ``load("models.micro", ModelParams)``.

    Raises:
        StageError: names every fault of the section at once, each with its key, the rule and the value given.
    """
    raw = _section(_read(path), key, path)
    _trace(key)
    kind = kind.variant(raw)
    try:
        return kind.model_validate(raw)
    except ValidationError as fault:
        lines = [_describe(key, raw, error, kind) for error in fault.errors()]
        count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
        raise StageError("\n  ".join([f"{path}: {count}:", *lines])) from None


def load_value(key: str, kind: type, path: Path = PARAMS_FILE) -> Any:
    """Read one plain value or list, for instance ``load_value("study.models", dict[str, str])``."""
    from pydantic import TypeAdapter

    raw = _section(_read(path), key, path)
    _trace(key)
    try:
        return TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(raw)
    except ValidationError as fault:
        lines = [_describe(key, raw, error, None) for error in fault.errors()]
        raise StageError("\n  ".join([f"{path}: {len(lines)} fault{'s' * (len(lines) > 1)}:", *lines])) from None


def everything(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The whole file, unchecked but for the names of its sections: for commands beside the pipeline."""
    return _read(path)


def entries(section: str, path: Path = PARAMS_FILE) -> list[str]:
    """Names in a section of named entries, such as ``models``; none if it is no mapping."""
    content = _read(path).get(section)
    return [str(name) for name in content] if isinstance(content, dict) else []


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


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(read_text(path))
    except yaml.YAMLError as fault:
        raise StageError(f"{path}: not valid YAML ({' '.join(str(fault).split())}).") from None
    if not isinstance(content, dict):
        raise StageError(f"{path}: must be a mapping of sections. Got {type(content).__name__}.")
    unknown = [name for name in content if name not in SECTIONS]
    if unknown:
        faults = [
            f"{name}: moved to {MOVED[name]}." if name in MOVED
            else f"{name}: unknown section.{_nearest(str(name), SECTIONS)}"
            for name in unknown
        ]  # fmt: skip
        raise StageError("\n  ".join([f"{path}: {len(faults)} fault{'s' * (len(faults) > 1)}:", *faults]))
    return content


def _section(content: Any, key: str, path: Path) -> Any:
    walked = []
    for part in key.split("."):
        if not isinstance(content, dict) or part not in content:
            known = list(content) if isinstance(content, dict) else []
            raise StageError(f"{path}: {'.'.join([*walked, part])}: missing.{_nearest(part, known)}")
        content = content[part]
        walked.append(part)
    return content


def _describe(key: str, raw: Any, error: dict[str, Any], kind: type[BaseModel] | None) -> str:
    where = ".".join([key, *(str(part) for part in error["loc"])])
    if error["type"] == "extra_forbidden":
        if moved := next((new for old, new in MOVED.items() if fnmatch.fnmatchcase(where, old)), None):
            return f"{where}: moved to {moved}."
        known = _fields_at(kind, error["loc"][:-1], raw)
        return f"{where}: unknown key.{_nearest(str(error['loc'][-1]), known)}"
    if error["type"] == "missing":
        return f"{where}: missing."
    if error["type"] == "model_type":
        return f"{where}: must be a mapping of keys. Got {error['input']!r}."
    rule = error["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if error["type"] == "secret" or (error["type"] == "value_error" and isinstance(error["input"], dict)):
        return f"{where}: {rule}."  # the value may be a key, or is a whole section: never shown
    return f"{where}: {rule.replace('should ', 'must ', 1)}. Got {error['input']!r}."


def _fields_at(kind: type[BaseModel] | None, loc: tuple, raw: Any) -> list[str]:
    """Names of the fields of the class that a location inside `kind` points to."""
    for part in loc:
        field = getattr(kind, "model_fields", {}).get(part)
        kind = _model_of(field.annotation) if field is not None else None
    return list(getattr(kind, "model_fields", {}))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" Known: {', '.join(map(str, known))}." if known else ""


def _trace(key: str) -> None:
    """Append the key to the file named by TUNE_OR_RETRIEVE_PARAMS_TRACE: tests compare it with dvc.yaml."""
    if target := os.environ.get("TUNE_OR_RETRIEVE_PARAMS_TRACE"):
        with open(target, "a", encoding="utf-8") as file:
            file.write(f"{os.environ.get('DVC_STAGE', '-')}\t{key}\n")
