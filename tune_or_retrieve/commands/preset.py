"""``tune-or-retrieve preset NAME``: the values of a preset, written into params.yaml around its comments.

bedrock and local set where the study runs, quick makes it small; local also restores the shipped size.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import write_text
from tune_or_retrieve.base.leaves import leaves
from tune_or_retrieve.base.params import PARAMS_FILE, everything, read_text

FOLDER = Path("presets")
WHOLE = ("models", "judges")  # sections whose entries are of several kinds, and are replaced as a whole
STUDY = ("study",)  # its mappings say what is compared, and are replaced as a whole
# Other presets replace its keys only if they have its values: a size that the user set stays.
SIZE = "quick"
KEPT = ("run.budget_usd",)  # replaced only if it is a preset's or not set: a limit that the user set stays


def preset(name: str) -> None:
    """Apply a preset and print what changed; see `apply`."""
    changes = apply(name)
    print("\n".join(changes) if changes else f"params.yaml is at the preset {name} already.")


def names(folder: Path = FOLDER) -> list[str]:
    """Names of the presets; none outside the root of the repository."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def apply(name: str, params: Path = PARAMS_FILE, folder: Path = FOLDER) -> list[str]:
    """Write the values of a preset into params.yaml, all or none. Everything else stays as it is.

    An entry of `models` or `judges` that already has the preset's provider stays, with all changes of the user.

    Returns:
        What changed, a line each: ``study.judges.claude: nothing -> "bedrock"``, marked if the old value was set by
        the user and is in no preset.

    Raises:
        StageError: there is no such preset, or a file is missing or no valid YAML.
    """
    known = names(folder)
    if name not in known:
        raise StageError(f"unknown preset {name!r}. Known: {', '.join(known) or f'none in {folder}'}.")
    yaml, text = _yaml(), read_text(params)
    content = everything(params, yaml)
    presets = {one: everything(folder / f"{one}.yaml", yaml) for one in known}
    shipped = [leaves(one) for one in presets.values()]
    before = leaves(content)
    kept = KEPT if name == SIZE else (*KEPT, *leaves(presets.get(SIZE, {})))
    for key in kept:
        if before.get(key) is not None and all(one.get(key) != before[key] for one in shipped):
            _remove(presets[name], key)
    _merge(content, presets[name], ())
    after = leaves(content)
    if before == after:
        return []
    written = io.StringIO()
    yaml.dump(content, written)
    write_text(params, _spaced(written.getvalue(), text))
    return [
        f"{key}: {_shown(before, key)} -> {_shown(after, key)}{_yours(key, before, shipped)}"
        for key in [*after, *(key for key in before if key not in after)]
        if before.get(key, ...) != after.get(key, ...)
    ]


def _merge(content: Any, wanted: Any, path: tuple[str, ...]) -> None:
    for key, value in wanted.items():
        inside = isinstance(value, dict) and isinstance(content.get(key), dict)
        if inside and not (path and path[0] in WHOLE) and path != STUDY:
            _merge(content[key], value, (*path, key))
        elif content.get(key, ...) != value and not _of_this_provider(content.get(key), value, path):
            if isinstance(value, dict) and value and isinstance(content.get(key), dict) and content[key]:
                _keep_what_follows(content[key], value)
            content[key] = value


def _remove(content: Any, key: str) -> None:
    *parents, last = key.split(".")
    for part in parents:
        content = content.get(part, {})
    content.pop(last, None)


def _of_this_provider(old: Any, new: Any, path: tuple[str, ...]) -> bool:
    return bool(path) and path[0] in WHOLE and isinstance(old, dict) and old.get("provider") == new.get("provider")


def _yours(key: str, before: dict[str, Any], shipped: list[dict[str, Any]]) -> str:
    known = key not in before or any(key in one and one[key] == before[key] for one in shipped)
    return "" if known else "  (your own value: in no preset)"


def _keep_what_follows(old: Any, new: Any) -> None:
    """ruamel attaches blank lines and comments below an entry to its last line: move them to the new entry's."""
    (old, key), (new, new_key) = _last(old), _last(new)
    token = (old.ca.items.get(key) or [None] * 4)[2]
    mine = (new.ca.items.get(new_key) or [None] * 4)[2]
    _, _, below = token.value.partition("\n") if token else ("", "", "")
    own = mine.value.partition("\n")[0] if mine else ""
    if mine:
        mine.value = f"{own}\n{below}"
    elif below:
        token.value = f"\n{below}"
        new.ca.items[new_key] = [None, None, token, None]


def _last(node: Any) -> tuple[Any, str]:
    key = list(node)[-1]
    return _last(node[key]) if isinstance(node[key], dict) and node[key] else (node, key)


def _spaced(text: str, before: str) -> str:
    """Two spaces before the comments of changed lines: ruamel keeps their column however long the value is."""
    kept = set(before.splitlines(keepends=True))
    return "".join(
        line if line in kept else re.sub(r"(?<=\S) +# ", "  # ", line, count=1)
        for line in text.splitlines(keepends=True)
    )


def _shown(values: dict[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else "nothing"


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 4096  # wrap no line
    yaml.preserve_quotes = True
    yaml.indent(sequence=4, offset=2)  # as in our files
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml
