"""Articles to parts: for training, for validation, or for unseen test questions. Always whole articles."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from stages.qa.shared.seeded import choice
from tune_or_retrieve.base.records import Article


class Parts(NamedTuple):
    """Article ids. Each article is in one part; one that gives no pair is in none."""

    train: frozenset[str]
    validation: frozenset[str]
    unseen: frozenset[str]


def split_articles(
    articles: Sequence[Article],
    candidates: Mapping[str, int],
    unseen: int,
    validation: int,
    seed: int,
    compared: Collection[frozenset[str]] = (),
) -> Parts:
    """Set `unseen` and `validation` articles apart, spread over the services; the others are for training.

    Args:
        candidates: how many candidate pairs each article has; an article without any is in no part.
        compared: sets of articles that a pair compares. An article takes along one that it is compared with, so that
            each part keeps comparisons.
    """
    free: dict[str, list[str]] = defaultdict(list)
    for article in articles:
        if candidates.get(article.id):
            free[article.service].append(article.id)
    order = _with_partners(_in_turn(free, seed), compared)
    return Parts(
        unseen=frozenset(order[:unseen]),
        validation=frozenset(order[unseen : unseen + validation]),
        train=frozenset(order[unseen + validation :]),
    )


def _with_partners(order: Sequence[str], compared: Collection[frozenset[str]]) -> list[str]:
    """The ids, each followed by one that it is compared with."""
    place = {id_: number for number, id_ in enumerate(order)}
    partners: dict[str, set[str]] = defaultdict(set)
    for ids in compared:
        for id_ in ids:
            partners[id_] |= ids - {id_}
    moved: dict[str, None] = {}
    for id_ in order:
        if id_ not in moved:
            moved[id_] = None
            free = [other for other in partners[id_] if other in place and other not in moved]
            moved.update(dict.fromkeys(sorted(free, key=place.__getitem__)[:1]))
    return list(moved)


def _in_turn(by_service: Mapping[str, list[str]], seed: int) -> list[str]:
    """All ids in an order in which every beginning holds the services in proportion."""
    ranked = []
    for service, ids in by_service.items():
        mixed = sorted(ids, key=lambda id_: (choice(seed, "split", id_), id_))
        # The half step puts the first of a small service in the middle of the whole, not at its end.
        ranked += [((rank + 0.5) / len(mixed), service, id_) for rank, id_ in enumerate(mixed)]
    return [id_ for _, _, id_ in sorted(ranked)]
