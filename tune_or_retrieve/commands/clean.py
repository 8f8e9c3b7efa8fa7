"""What `make clean` asks before it removes .cache: ``python -m tune_or_retrieve.commands.clean``."""

from tune_or_retrieve.base.errors import StageError, exits_cleanly
from tune_or_retrieve.base.home import cached
from tune_or_retrieve.commands.asking import confirmed, refuse_without_terminal
from tune_or_retrieve.commands.tidy import FOLDERS, parts, table
from tune_or_retrieve.money.budget import LEDGER, Budget

PAID = "calls"  # of models elsewhere, if any part of the store was paid for


@exits_cleanly
def main() -> None:
    """Raises StageError, which stops make, unless the user agrees to lose finished work."""
    found = list(parts())
    ledger = cached(LEDGER)
    if not ledger.exists() and all(part.kind in FOLDERS for part in found):
        return  # no finished work: weights are made again in seconds
    print("make clean removes .venv and .cache, which holds finished work:")
    print(table(found))
    if ledger.exists():
        print(_spent())
    what = "what may have been paid for" if ledger.exists() or any(part.kind == PAID for part in found) else "this"
    refuse_without_terminal(
        f"make clean removes {what}, and there is no terminal to ask at. To remove it all the same: make clean YES=1"
    )
    if not confirmed("Remove all of this?"):
        raise StageError("not confirmed: nothing was removed.")


def _spent() -> str:
    try:
        spent = Budget().by_stage().values()
    except StageError as fault:  # it is to be removed: no reason to stop
        return str(fault)
    unknown = sum(one.unknown for one in spent)
    more = f", and what {unknown} of its lines paid for at a price not known" if unknown else ""
    return f"Paid for it, as {cached(LEDGER)} tells: ${sum(one.dollars for one in spent):.4f}{more}."


if __name__ == "__main__":
    main()
