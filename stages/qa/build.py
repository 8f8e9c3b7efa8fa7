"""Candidate pairs to training, validation and test sets: verify, deduplicate, split, keep leaks out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stages.qa.choose import Chooser
from stages.qa.deduplicate import exact, shuffled
from stages.qa.params import QaParams
from stages.qa.split import Parts, split_articles
from stages.qa.verify import verify
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import Article, Pair, Question, Rejection
from tune_or_retrieve.vectors.embedding import Embeds

# Articles set apart for each question wanted: deduplication and leaks cost some of their candidates.
SPARE = 1.5
# Pairs looked at first for each pair wanted; more are looked at if these are not enough.
SHORTLIST = 1.6


class Sets(NamedTuple):
    """What the stage makes."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Question]
    rejected: list[Rejection]
    candidates: int  # proposed by the generator
    parts: Parts


def build(
    candidates: Iterable[Pair | Rejection],
    articles: Sequence[Article],
    texts: Mapping[str, str],
    embedder: Embeds,
    params: QaParams,
    left_out: str = "",
) -> Sets:
    """The sets, whichever generator made the candidates.

    Args:
        candidates: of any generator, with those that it rejected itself.
        left_out: a sentence about articles that the generator does not read.

    Raises:
        StageError: the corpus gives too few pairs; says how many it gives.
    """
    proposed = list(candidates)
    refused = [one for one in proposed if isinstance(one, Rejection)]
    sound, faulty = verify([one for one in proposed if isinstance(one, Pair)], articles, texts)
    rejected = refused + faulty
    pool, repeated = exact(shuffled(sound, params.seed))
    rejected += repeated
    unseen = params.test_questions // 2
    counts = Counter(article_id for pair in pool for article_id in pair.articles)
    per_article = max(1.0, min(params.max_per_article, len(pool) / max(len(counts), 1)) * 0.6)
    parts = split_articles(
        articles,
        counts,
        round(unseen * SPARE),
        round(params.validation_pairs / per_article * SPARE),
        params.seed,
        {pair.articles for pair in pool if len(pair.articles) > 1},
    )
    chooser = Chooser(pool, parts, embedder, params, {article.id: article.characters for article in articles})
    wanted = [params.pairs, params.validation_pairs, params.test_questions]
    factor = SHORTLIST
    chosen = chooser.choose(factor)
    while chosen.sizes != wanted and factor * sum(wanted) < len(pool):
        factor *= 2
        say(f"qa: too few pairs are left after deduplication; looking at {factor:.1f} times as many as are wanted")
        chosen = max(chooser.choose(factor), chosen, key=lambda one: sum(one.sizes))
    made = chosen.sizes
    if made != wanted:
        raise StageError(
            f"data/articles: too small for the pairs asked for: {len(articles)} articles gave {len(proposed)} "
            f"candidates, of which {len(pool)} are sound and distinct; they make {made[0]} of {params.pairs} training "
            f"pairs, {made[1]} of {params.validation_pairs} validation pairs and {made[2]} of "
            f"{params.test_questions} test questions. Lower qa.pairs, qa.validation_pairs or qa.test_questions, raise "
            f"{_raised(params)}, or give more articles. {f'{left_out} ' * bool(left_out)}Nothing was written."
        )
    return Sets(chosen.train, chosen.validation, chosen.test, rejected + chosen.rejected, len(proposed), parts)


def _raised(params: QaParams) -> str:
    """What gives more candidates, or uses more of them."""
    return "qa.max_per_article" + (" or qa.llm.max_passages" if params.generator == "llm" else "")
