"""`tune-or-retrieve teardown`: everything of ours at AWS, shown, asked about, and removed in the right order."""

from collections.abc import Callable, Mapping, Sequence

from tune_or_retrieve.account.resources import Scope, kinds, table
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.removal import Kind, Left, Resource, look, remove_all
from tune_or_retrieve.providers.bedrock.aws.session import Clients

EVERY_SECONDS = 5.0
AFTERWARDS = (
    "The local outs still name what is gone: the next study on Bedrock needs `dvc repro --force` for the stages index "
    "and fine_tune. Fine-tuned models are gone for good: another one needs a higher `retry`, and is paid for again."
)


def teardown(
    regions: Sequence[Clients],
    scope: Scope,
    dry_run: bool,
    confirmed: Callable[[], bool],
    watch: Watch | None = None,
) -> None:
    """Show what is there, ask, and remove it; may be repeated until nothing is left.

    Args:
        regions: clients of each region to look in.
        confirmed: asked once, after everything was shown.

    Raises:
        StageError: it was not confirmed, or something is left: says what and why.
    """
    anything, unseen, removed = False, {}, kinds(scope)
    for here in regions:
        found, unseen[here.region] = look(here, removed)
        anything = anything or bool(found)
        print(table(found, here.region, scope.prices))
        if dry_run and found:
            print("\n".join(_steps(found, removed)))
    if dry_run and anything:
        print("nothing was removed.")
    if dry_run or not anything:
        _complain(unseen)
        return
    if not confirmed():
        raise StageError("not confirmed: nothing was removed.")
    left = {}
    try:
        for here in regions:
            left[here.region] = remove_all(here, removed, watch or Watch(every=EVERY_SECONDS))
    except KeyboardInterrupt:
        print("teardown: interrupted; what was begun goes on at AWS. Run it again for the rest.")
        raise
    _complain(left)
    print(f"nothing is left of tune-or-retrieve in {', '.join(left)}. {AFTERWARDS}")


def _steps(found: Sequence[Resource], removed: Sequence[Kind]) -> list[str]:
    verbs = {kind.word: kind.verb for kind in removed}
    return [f"would {verbs[one.kind]}: {one}" for one in found]


def _complain(left: Mapping[str, Sequence[Left]]) -> None:
    """Raises StageError if anything is left in any of the regions."""
    lines = []
    for region, here in left.items():
        if here:
            lines += [f"left in {region}, and may still cost:", *(f"  {one}: {one.why}" for one in here)]
    if lines:
        raise StageError("\n".join([*lines, "Run teardown again."]))
