"""`python -m stages teardown`: everything of ours at AWS, shown, asked about, and removed in the right order."""

from collections.abc import Callable, Sequence
from typing import TextIO

from stages.bedrock.owned import Resource, Scope
from stages.bedrock.removal import Left, remove_all
from stages.bedrock.resources import KINDS, look, table
from stages.bedrock.session import Clients
from stages.bedrock.waiting import Watch
from stages.errors import StageError

EVERY_SECONDS = 5.0
AFTERWARDS = (
    "The local outs still name what is gone: the next study on Bedrock needs `dvc repro --force` for the stages index "
    "and fine_tune. Fine-tuned models are gone for good: another needs a higher `retry`, and is paid for again."
)


def teardown(
    clients: Clients,
    scope: Scope,
    dry_run: bool,
    confirmed: Callable[[], bool],
    watch: Watch | None = None,
    to: TextIO | None = None,
) -> None:
    """Show what is there, ask, and remove it; may be repeated until nothing is left.

    Args:
        confirmed: asked once, after everything was shown.

    Raises:
        StageError: it was not confirmed, or something is left: says what and why.
    """
    found, unseen = look(clients, scope)
    print(table(found, clients.region, scope.prices), file=to)
    if dry_run:
        print("\n".join(_steps(found)), file=to)
        _complain(unseen, clients.region)
        return
    if not found:
        _complain(unseen, clients.region)
        return
    if not confirmed():
        raise StageError("not confirmed: nothing was removed.")
    try:
        left = remove_all(clients, scope, watch or Watch(every=EVERY_SECONDS), KINDS)
    except KeyboardInterrupt:
        print("teardown: interrupted; what was begun goes on at AWS. Run it again for the rest.", file=to)
        raise
    _complain(left, clients.region)
    print(f"nothing is left of tune-or-retrieve in {clients.region}. {AFTERWARDS}", file=to)


def _steps(found: Sequence[Resource]) -> list[str]:
    verbs = {kind.word: kind.verb for kind in KINDS}
    return [f"would {verbs[one.kind]}: {one}" for one in found] + (["nothing was removed."] if found else [])


def _complain(left: Sequence[Left], region: str) -> None:
    if left:
        lines = [f"  {one}: {one.why}" for one in left]
        raise StageError("\n".join([f"left in {region}, and may still cost:", *lines, "Run teardown again."]))
