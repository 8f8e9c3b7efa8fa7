"""The command tune-or-retrieve: everything beside the pipeline, which DVC runs."""

from pathlib import Path
from typing import Annotated

import typer

from tune_or_retrieve.base.errors import exits_cleanly

# No colours and boxes: what is printed goes into logs, too.
app = typer.Typer(
    help="Fine-tune, retrieve, both or neither? Commands beside the pipeline, which `dvc repro` runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
evidence = typer.Typer(help="Where in an article a passage stands that an answer rests on.", no_args_is_help=True)
app.add_typer(evidence, name="evidence")


@app.command()
def check() -> None:
    """The whole of params.yaml, before anything runs."""
    from tune_or_retrieve.commands import check

    check.check()


@app.command()
def preset(name: Annotated[str, typer.Argument(help="bedrock, local or quick: a file of the folder presets")]) -> None:
    """Put the study on Amazon Bedrock or on this machine, or make it small."""
    from tune_or_retrieve.commands import preset

    preset.preset(name)


@app.command()
def doctor() -> None:
    """What a run on Amazon Bedrock needs, looked at before anything is made or paid."""
    from tune_or_retrieve.commands import account

    account.doctor()


@app.command()
def estimate() -> None:
    """Tokens and dollars of each stage on Amazon Bedrock, beside what was spent."""
    from tune_or_retrieve.commands import account

    account.estimate()


@app.command()
def resources() -> None:
    """What this project made at AWS and is still there, and what it costs while idle."""
    from tune_or_retrieve.commands import account

    account.resources()


@app.command()
def teardown(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show how")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Remove all of that."""
    from tune_or_retrieve.commands import account

    account.teardown(dry_run, yes)


@app.command()
def tidy(
    unused_days: Annotated[int, typer.Option(min=0, help="days without use after which it is removed")] = 30,
    calls: Annotated[bool, typer.Option("--calls", help="model calls, too, which may have been paid for")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """How large the store of finished work is; and remove what was not used for long."""
    from tune_or_retrieve.commands import tidy

    tidy.tidy(unused_days, calls, yes)


@evidence.command()
def locate(
    article: Annotated[str, typer.Argument(help="id of an article, as in s3/put-object")],
    quote: Annotated[str, typer.Argument(help="words of the article, copied")],
) -> None:
    """Print the evidence of a quote as JSON, for a question of your own."""
    from tune_or_retrieve.commands import evidence

    evidence.print_location(article, quote)


@evidence.command()
def refresh(
    questions: Annotated[Path, typer.Argument(help="a file of questions, as data/eval/questions.jsonl")],
) -> None:
    """Find the passages of questions again in articles that were made anew, and write their new places."""
    from tune_or_retrieve.commands import evidence

    evidence.refresh_file(questions.expanduser())


@exits_cleanly
def main() -> None:
    app(prog_name="tune-or-retrieve")


if __name__ == "__main__":
    main()
