"""Commands beside the pipeline.

python -m stages check       the whole of params.yaml, before anything runs
python -m stages doctor      what a run on Amazon Bedrock needs, looked at before anything is made or paid
python -m stages estimate    tokens and dollars of each stage, beside what was spent
python -m stages resources   what this project made at AWS and is still there, and what it costs while idle
python -m stages teardown    removes all of that; --dry-run shows how, --yes does not ask
"""

import importlib
import sys

from stages.errors import StageError, exits_cleanly

COMMANDS = {  # module and the options that it knows
    "check": ("stages.check", ()),
    "doctor": ("stages.bedrock.commands", ()),
    "estimate": ("stages.bedrock.commands", ()),
    "resources": ("stages.bedrock.commands", ()),
    "teardown": ("stages.bedrock.commands", ("--dry-run", "--yes")),
}


@exits_cleanly
def main() -> None:
    name, given = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
    if name not in COMMANDS:
        raise StageError(f"unknown command {' '.join(sys.argv[1:])!r}. Known: {', '.join(COMMANDS)}.")
    module, options = COMMANDS[name]
    if unknown := [one for one in given if one not in options]:
        known = f"Known: {', '.join(options)}." if options else "It takes none."
        raise StageError(f"{name}: unknown option {unknown[0]!r}. {known}")
    command = getattr(importlib.import_module(module), name)
    command(**{one.removeprefix("--").replace("-", "_"): True for one in given})


if __name__ == "__main__":
    main()
