"""``python -m stages.qa``: reads data/articles and data/eval/questions.jsonl, writes data/qa and metrics/qa.json."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stages.qa import extractive
from stages.qa.build import build
from stages.qa.handwritten import admit, read_handwritten
from stages.qa.leakage import gate
from stages.qa.metrics import summary
from stages.qa.params import QaParams
from tune_or_retrieve.base.corpus import read_articles, read_text
from tune_or_retrieve.base.files import atomic_files, read_jsonl, write_json, write_jsonl
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.questions import HANDWRITTEN
from tune_or_retrieve.base.records import Article, Pair, Question, Rejection, SeenArticle
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.text.languages import may_be_english, shares
from tune_or_retrieve.vectors.embedding import Embedder
from tune_or_retrieve.vectors.embedding_cache import CachedEmbedder

OUT = Path("data/qa")


@stage
def main() -> None:
    params, run = load("qa", QaParams), load(SECTION, RunParams)
    articles = read_articles()
    texts = {article.id: read_text(article) for article in articles}
    handwritten = read_handwritten(HANDWRITTEN, texts, {article.service for article in articles})
    read, left_out_articles = readable(articles, params)
    with Store("embeddings") as store:
        embedder = CachedEmbedder(Embedder(params.embedding, run), store)
        sets = build(candidates(read, texts, params, run), read, texts, embedder, params, left_out_articles)
        handwritten, left_out = admit(handwritten, [*sets.train, *sets.validation], embedder, params.leakage)
        for question, reason in left_out:
            say(f"question {question.id} is left out of the scores: {reason}")
        with atomic_files(OUT) as made:
            for name in ("train", "validation", "test", "rejected"):
                write_jsonl(made / f"{name}.jsonl", getattr(sets, name))
            write_jsonl(made / "handwritten.jsonl", handwritten)
            write_jsonl(made / "seen.jsonl", seen([*sets.train, *sets.validation], articles, texts))
            write_json(made / "split.json", {name: sorted(ids) for name, ids in sets.parts._asdict().items()})
            # The gate reads what was written, and so trusts nothing in memory.
            train, validation = (list(read_jsonl(made / f"{name}.jsonl", Pair)) for name in ("train", "validation"))
            asked = [row for name in ("handwritten", "test") for row in read_jsonl(made / f"{name}.jsonl", Question)]
            closest = gate(train, validation, asked, embedder, params.leakage)
    write_json(Path("metrics/qa.json"), summary(sets, articles, closest, left_out, len(articles) - len(read)))
    say(f"qa: {len(sets.train)} training and {len(sets.validation)} validation pairs, {len(sets.test)} test questions")


def readable(articles: Sequence[Article], params: QaParams) -> tuple[list[Article], str]:
    """The articles that the generator reads, and a sentence about those that it does not; empty if it reads all."""
    read = [article for article in articles if may_be_english(article.language)]
    if params.generator != "extractive" or len(read) == len(articles):
        return list(articles), ""
    others = Counter(article.language for article in articles) - Counter(article.language for article in read)
    said = (
        f"{others.total()} of {len(articles)} articles are left out, as qa.generator extractive reads English only "
        f"({shares(others)}); llm reads other languages, too."
    )
    say(f"qa: {said}")
    return read, said


def candidates(
    articles: Sequence[Article], texts: Mapping[str, str], params: QaParams, run: RunParams
) -> Iterable[Pair | Rejection]:
    """Candidate pairs of the generator that params name."""
    if params.generator == "extractive":
        return extractive.generate(articles, texts, params.seed)
    from stages.qa.llm.generate import generate  # here, because the extractive generator needs no model

    return generate(articles, texts, params, run)


def seen(pairs: Sequence[Pair], articles: Sequence[Article], texts: Mapping[str, str]) -> Iterator[SeenArticle]:
    """The articles that the pairs rest on. A change of any other article trains no model again."""
    ids = frozenset().union(*(pair.articles for pair in pairs))
    return (SeenArticle(id=one.id, title=one.title, text=texts[one.id]) for one in articles if one.id in ids)


if __name__ == "__main__":
    main()
