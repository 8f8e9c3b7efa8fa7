"""The command tune-or-retrieve: everything outside the pipeline, which DVC runs."""

import importlib.metadata
from pathlib import Path
from typing import Annotated

import typer

from tune_or_retrieve.base.errors import exits_cleanly

# No colours and boxes: the output goes into logs, too. The list of commands shows the first sentence of each help, in
# full up to 45 characters.
app = typer.Typer(
    help="Fine-tune, retrieve, both or neither? Commands that complement the pipeline, which `dvc repro` runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
evidence = typer.Typer(help="Find the passages that reference answers rest on.", no_args_is_help=True)
app.add_typer(evidence, name="evidence")


def _version(asked: bool) -> None:
    if asked:
        print(f"tune-or-retrieve {importlib.metadata.version('tune-or-retrieve')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


@app.command()
def check() -> None:
    """Check params.yaml and show what would run.

    Lists all faults of params.yaml before anything runs. Without faults: which stages `dvc repro` would run, roughly
    how long they take, and what they may cost.
    """
    from tune_or_retrieve.commands import check

    check.check()


@app.command()
def preset(name: Annotated[str, typer.Argument(help="bedrock, local or quick: a file of the folder presets.")]) -> None:
    """Choose where the study runs, or its size.

    Writes the values of a preset into params.yaml: bedrock and local set where the study runs, quick makes it small,
    and local also restores the shipped size.
    """
    from tune_or_retrieve.commands import preset

    if (known := preset.names()) and name not in known:
        raise typer.BadParameter(f"unknown preset {name!r}. Known: {', '.join(known)}.", param_hint="name")
    preset.preset(name)


@app.command()
def doctor() -> None:
    """Check what Amazon Bedrock needs for a run.

    Checks credentials, models, quotas, buckets, roles and prices, before anything is created or paid for.
    """
    from tune_or_retrieve.commands import account

    account.doctor()


@app.command()
def estimate() -> None:
    """Estimate what a run on Bedrock will cost.

    Tokens and dollars of each stage, next to what was spent. AWS is not contacted.
    """
    from tune_or_retrieve.commands import account

    account.estimate()


@app.command()
def resources() -> None:
    """List what this project created on AWS.

    Everything that still exists, in every region that params.yaml names, and what it costs while idle.
    """
    from tune_or_retrieve.commands import account

    account.resources()


@app.command()
def teardown(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
) -> None:
    """Remove what this project created on AWS.

    Lists all of it and asks before removing anything.
    """
    from tune_or_retrieve.commands import account

    account.teardown(dry_run, yes)


@app.command()
def tidy(
    unused_days: Annotated[int, typer.Option(min=0, help="Remove what was not used for this many days.")] = 30,
    calls: Annotated[bool, typer.Option("--calls", help="Also model calls, which may have been paid for.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove stored work that was not used lately.

    Shows the size of the store of finished work, and asks first.
    """
    from tune_or_retrieve.commands import tidy

    tidy.tidy(unused_days, calls, yes)


@evidence.command()
def locate(
    article: Annotated[str, typer.Argument(help="Id of an article, for instance s3/put-object.")],
    quote: Annotated[str, typer.Argument(help="Words copied from the article.")],
) -> None:
    """Print the evidence of a quote as JSON.

    For your own questions in data/eval/questions.jsonl.
    """
    from tune_or_retrieve.commands import evidence

    evidence.print_location(article, quote)


@evidence.command()
def refresh(
    questions: Annotated[Path, typer.Argument(help="A file of questions, such as data/eval/questions.jsonl.")],
) -> None:
    """Find passages that have moved.

    After articles were made again, finds each passage and writes its new offsets into the file.
    """
    from tune_or_retrieve.commands import evidence

    evidence.refresh_file(questions.expanduser())


@exits_cleanly
def main() -> None:
    app(prog_name="tune-or-retrieve")


if __name__ == "__main__":
    main()
