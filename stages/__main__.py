"""Commands beside the pipeline.

python -m stages check            the whole of params.yaml, before anything runs
python -m stages preset NAME      puts the study on Amazon Bedrock (bedrock) or on this machine (local)
"""

import sys

from stages.errors import StageError, exits_cleanly


def check() -> None:
    from stages.check import check

    check()


def preset(name: str) -> None:
    from stages.preset import preset

    changes = preset(name)
    print("\n".join(changes) if changes else f"params.yaml is at the preset {name} already.")


COMMANDS = {"check": (check, ""), "preset": (preset, " NAME")}


@exits_cleanly
def main() -> None:
    name, given = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
    if name not in COMMANDS:
        raise StageError(f"unknown command {' '.join(sys.argv[1:])!r}. Known: {', '.join(COMMANDS)}.")
    command, arguments = COMMANDS[name]
    if len(given) != len(arguments.split()):
        raise StageError(f"usage: python -m stages {name}{arguments}")
    command(*given)


if __name__ == "__main__":
    main()
