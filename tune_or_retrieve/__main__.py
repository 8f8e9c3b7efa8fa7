"""The command tune-or-retrieve: everything beside the pipeline, which DVC runs."""

from pathlib import Path
from typing import Annotated

import typer

from tune_or_retrieve.base.errors import exits_cleanly

# No colours and boxes: what is printed goes into logs, too. The list of commands shows the first sentence of each help,
# whole up to 45 characters.
app = typer.Typer(
    help="Fine-tune, retrieve, both or neither? Commands beside the pipeline, which `dvc repro` runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
evidence = typer.Typer(help="Find passages that reference answers rest on.", no_args_is_help=True)
app.add_typer(evidence, name="evidence")


@app.command()
def check() -> None:
    """Check params.yaml and say what would run.

    All faults of params.yaml are said at once, before anything runs. Without any: which stages `dvc repro` would run,
    about how long they take, and what they may cost.
    """
    from tune_or_retrieve.commands import check

    check.check()


@app.command()
def preset(name: Annotated[str, typer.Argument(help="bedrock, local or quick: a file of the folder presets.")]) -> None:
    """Choose where the study runs, or its size.

    Writes the values of a preset into params.yaml: bedrock and local say where the study runs, quick makes it small,
    and local makes it as large again as it is shipped.
    """
    from tune_or_retrieve.commands import preset

    if (known := preset.names()) and name not in known:
        raise typer.BadParameter(f"unknown preset {name!r}. Known: {', '.join(known)}.", param_hint="name")
    preset.preset(name)


@app.command()
def doctor() -> None:
    """Check what Amazon Bedrock needs for a run.

    Credentials, models, quotas, buckets, roles and prices are looked at before anything is made or paid for.
    """
    from tune_or_retrieve.commands import account

    account.doctor()


@app.command()
def estimate() -> None:
    """Estimate what a run on Bedrock will cost.

    Tokens and dollars of each stage, beside what was spent. Nothing is asked of AWS.
    """
    from tune_or_retrieve.commands import account

    account.estimate()


@app.command()
def resources() -> None:
    """List what this project has made at AWS.

    All that is still there, in every region that params.yaml names, and what it costs while it is idle.
    """
    from tune_or_retrieve.commands import account

    account.resources()


@app.command()
def teardown(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
) -> None:
    """Remove what this project has made at AWS.

    Lists all of it and asks before anything is removed.
    """
    from tune_or_retrieve.commands import account

    account.teardown(dry_run, yes)


@app.command()
def tidy(
    unused_days: Annotated[int, typer.Option(min=0, help="Days without use after which it is removed.")] = 30,
    calls: Annotated[bool, typer.Option("--calls", help="Model calls, too, which may have been paid for.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove finished work not used for long.

    Shows how large the store of finished work is, and asks first.
    """
    from tune_or_retrieve.commands import tidy

    tidy.tidy(unused_days, calls, yes)


@evidence.command()
def locate(
    article: Annotated[str, typer.Argument(help="Id of an article, as in s3/put-object.")],
    quote: Annotated[str, typer.Argument(help="Words of the article, copied.")],
) -> None:
    """Print the evidence of a quote as JSON.

    For a question of your own in data/eval/questions.jsonl.
    """
    from tune_or_retrieve.commands import evidence

    evidence.print_location(article, quote)


@evidence.command()
def refresh(
    questions: Annotated[Path, typer.Argument(help="A file of questions, such as data/eval/questions.jsonl.")],
) -> None:
    """Find passages that have moved.

    In articles that were made anew, each passage is found again and its new place is written into the file.
    """
    from tune_or_retrieve.commands import evidence

    evidence.refresh_file(questions.expanduser())


@exits_cleanly
def main() -> None:
    app(prog_name="tune-or-retrieve")


if __name__ == "__main__":
    main()
