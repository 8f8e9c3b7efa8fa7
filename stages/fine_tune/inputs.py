"""What the stage reads: the pairs, and the articles that their passages and distractors are cut from."""

from pathlib import Path

from stages.fine_tune.article_text import ArticleText
from stages.fine_tune.data import Data
from tune_or_retrieve.base.corpus import FOLDER, read_articles, read_text
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Pair

QA = Path("data/qa")


def read_data(qa: Path = QA, articles: Path = FOLDER) -> Data:
    """Pairs and articles. Only articles that pairs are based on are read: the test's unseen articles stay unseen.

    Raises:
        StageError: a file is missing or damaged, there are no pairs, or a pair's evidence is not in its article.
    """
    train, validation = (list(read_jsonl(qa / f"{split}.jsonl", Pair)) for split in ("train", "validation"))
    for split, pairs in (("train", train), ("validation", validation)):
        if not pairs:
            raise StageError(f"{qa / split}.jsonl: no pairs. Raise qa.pairs or give a larger corpus.")
    rows = {article.id: article for article in read_articles(articles)}
    texts: dict[str, ArticleText] = {}
    for pair in [*train, *validation]:
        for quote in pair.evidence:
            if quote.article_id not in texts and (row := rows.get(quote.article_id)) is not None:
                texts[row.id] = ArticleText(row.id, row.title, read_text(row, articles))
            article = texts.get(quote.article_id)
            if article is None or article.text[quote.start : quote.end] != quote.text:
                raise StageError(
                    f"{qa}: the evidence of pair {pair.id!r} is not in article {quote.article_id!r}: pairs and "
                    "articles are of different runs. Run `dvc repro qa`."
                )
    return Data(train, validation, texts)
