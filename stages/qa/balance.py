"""Which pairs to take: a balance of kinds, services and tenths of the articles."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tune_or_retrieve.base.records import Pair

# Shares of the kinds. The others make up for a kind that runs out.
KINDS = {
    "two_facts": 17,
    "two_facts.error": 7,  # every operation has these, and they would drown the others
    "two_facts.required": 7,
    "behaviour": 15,
    "parameter": 13,
    "limit": 13,
    "error": 10,
    "howto": 9,
    "comparison": 8,
    "comparison.required": 2,
    "purpose": 9,
    "return": 8,
    "capability": 7,
    "permission": 7,
    "default": 6,
    "valid_values": 6,
    "definition": 4,
    "requirement": 4,
    "required": 2,
}
OTHER_KIND = 5
TENTHS = 10  # of an article


def tenth(pair: Pair, characters: Mapping[str, int]) -> int:
    """Which tenth of its article the last of the evidence starts in, 0–9. ``characters``: of each article, by id."""
    last = pair.evidence[-1]
    return min(TENTHS - 1, last.start * TENTHS // max(characters[last.article_id], 1))


def pick(
    pairs: Iterable[Pair],
    number: int,
    max_per_article: int,
    characters: Mapping[str, int],
    taken: Sequence[Pair] = (),
) -> list[Pair]:
    """Up to `number` of the pairs, each time from the kind, service and tenth that lag behind most.

    Args:
        pairs: in the order in which those of one phrasing are taken.
        characters: length of each article, by id.
        taken: pairs taken before, which count.
    """
    queues: dict[tuple[str, str, int], list[Pair]] = defaultdict(list)
    articles: dict[str, set[str]] = defaultdict(set)
    for pair in _in_turn(pairs):
        queues[(_kind(pair), pair.service, tenth(pair, characters))].append(pair)
        articles[pair.service] |= pair.articles
    for queue in queues.values():
        queue.reverse()  # popped from the end
    # The square root gives small services more than their proportion, and less than large ones.
    service_share = _shares({service: math.sqrt(len(ids)) for service, ids in articles.items()})
    kind_share = _shares({kind: float(KINDS.get(kind, OTHER_KIND)) for kind, _, _ in queues})
    kinds, services, tenths, per_article = Counter(), Counter(), Counter(), Counter()
    for pair in taken:
        kinds[_kind(pair)] += 1
        services[pair.service] += 1
        tenths[tenth(pair, characters)] += 1
        per_article.update(pair.articles)
    picked: list[Pair] = []
    while queues and len(picked) < number:
        key = min(
            queues,
            key=lambda k: (
                kinds[k[0]] / kind_share[k[0]] + services[k[1]] / service_share[k[1]] + tenths[k[2]] * TENTHS / 2,
                k,
            ),
        )
        pair = queues[key].pop()
        if not queues[key]:
            del queues[key]
        if any(per_article[article_id] >= max_per_article for article_id in pair.articles):
            continue
        picked.append(pair)
        kinds[key[0]] += 1
        services[key[1]] += 1
        tenths[key[2]] += 1
        per_article.update(pair.articles)
    return picked


def _kind(pair: Pair) -> str:
    """The kind of a pair, or the part of it that has a share of its own."""
    form = pair.phrasing.partition("/")[0]
    return form if form in KINDS else pair.kind


def _in_turn(pairs: Iterable[Pair]) -> list[Pair]:
    """One pair of each phrasing, then a second of each, and so on: so that the frequent ones do not drown the rare."""
    seen: Counter[str] = Counter()
    ranked = []
    for pair in pairs:
        ranked.append((seen[pair.phrasing], pair))
        seen[pair.phrasing] += 1
    return [pair for _, pair in sorted(ranked, key=lambda both: both[0])]


def _shares(parts: dict[str, float]) -> dict[str, float]:
    total = sum(parts.values())
    return {name: part / total for name, part in parts.items()}
