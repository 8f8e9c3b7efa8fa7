"""Commands beside the pipeline: ``python -m stages check`` checks the whole of params.yaml before anything runs."""

import sys

from stages.errors import StageError, exits_cleanly


@exits_cleanly
def main() -> None:
    command = " ".join(sys.argv[1:])
    if command != "check":
        raise StageError(f"unknown command {command!r}. Known: check.")
    from stages.check import check

    check()


if __name__ == "__main__":
    main()
