"""Commands beside the pipeline.

python -m stages check         the whole of params.yaml, before anything runs
python -m stages preset NAME   the study on Amazon Bedrock (bedrock) or on this machine (local); a small one (quick)
python -m stages doctor        what a run on Amazon Bedrock needs, looked at before anything is made or paid
python -m stages estimate      tokens and dollars of each stage, beside what was spent
python -m stages resources     what this project made at AWS and is still there, and what it costs while idle
python -m stages teardown      removes all of that; --dry-run shows how, --yes does not ask
"""

import importlib
import sys
from typing import NamedTuple

from stages.errors import StageError, exits_cleanly


class Command(NamedTuple):
    module: str  # that holds a function of the command's name, imported when it is called
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


COMMANDS = {
    "check": Command("stages.check"),
    "preset": Command("stages.preset", arguments=("NAME",)),
    "doctor": Command("stages.bedrock.commands"),
    "estimate": Command("stages.bedrock.commands"),
    "resources": Command("stages.bedrock.commands"),
    "teardown": Command("stages.bedrock.commands", options=("--dry-run", "--yes")),
}


@exits_cleanly
def main() -> None:
    name, given = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
    if name not in COMMANDS:
        raise StageError(f"unknown command {' '.join(sys.argv[1:])!r}. Known: {', '.join(COMMANDS)}.")
    command = COMMANDS[name]
    options = [one for one in given if one.startswith("-")]
    if unknown := [one for one in options if one not in command.options]:
        known = f"Known: {', '.join(command.options)}." if command.options else "It takes none."
        raise StageError(f"{name}: unknown option {unknown[0]!r}. {known}")
    arguments = [one for one in given if one not in options]
    if len(arguments) != len(command.arguments):
        raise StageError(f"usage: python -m stages {' '.join((name, *command.arguments))}")
    run = getattr(importlib.import_module(command.module), name)
    run(*arguments, **{one.removeprefix("--").replace("-", "_"): True for one in options})


if __name__ == "__main__":
    main()
