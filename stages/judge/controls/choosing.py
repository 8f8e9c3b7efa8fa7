"""Which validation pairs controls are made of: evenly spread, and every kind that any pair allows is among them."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from stages.judge.controls.controls import KINDS, make_controls
from tune_or_retrieve.base.records import Pair


def choose(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """`count` pairs at even steps, as they are sorted by service; a kind that these do not allow calls in a pair.

    It comes in for the nearest one that no kind needs. With too few pairs for all kinds, the rarest may be missing.
    """
    if len(pairs) <= count:
        return list(pairs)
    chosen = {i * len(pairs) // count for i in range(count)}
    kinds: dict[str, set[str]] = defaultdict(set)
    for control in make_controls(pairs):
        kinds[control.pair_id].add(control.kind)
    allowed = [kinds[pair.id] for pair in pairs]
    for kind in KINDS:
        able = [n for n, own in enumerate(allowed) if kind in own]
        if not able or chosen & set(able):
            continue
        held = Counter(k for n in chosen for k in allowed[n])
        spare = [n for n in sorted(chosen) if all(held[k] > 1 for k in allowed[n])]
        if spare:
            chosen = chosen - {min(spare, key=lambda n: abs(n - able[0]))} | {able[0]}
    return [pairs[n] for n in sorted(chosen)]
