"""Questions that a command asks before it removes something."""

import sys

NOT_ASKED = 2  # exit code


def confirmed(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def refuse_without_terminal(message: str) -> None:
    """Exit with code 2 and a message if there is no terminal to ask at."""
    if not sys.stdin.isatty():
        print(f"error: {message}", file=sys.stderr)
        sys.exit(NOT_ASKED)
