"""What the stage reads: the pairs, and the articles that they rest on, from which passages and distractors are cut."""

from pathlib import Path

from stages.fine_tune.article_text import ArticleText
from stages.fine_tune.data import Data
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Pair, SeenArticle

QA = Path("data/qa")


def read_data(qa: Path = QA) -> Data:
    """Pairs and articles. The stage qa gives only articles that pairs rest on: the test's unseen ones stay unseen.

    Raises:
        StageError: a file is missing or damaged, there are no pairs, or a pair's evidence is not in its article.
    """
    train, validation = (list(read_jsonl(qa / f"{split}.jsonl", Pair)) for split in ("train", "validation"))
    for split, pairs in (("train", train), ("validation", validation)):
        if not pairs:
            raise StageError(f"{qa / split}.jsonl: no pairs. Raise qa.pairs or give a larger corpus.")
    rows = {article.id: article for article in read_jsonl(qa / "seen.jsonl", SeenArticle)}
    texts: dict[str, ArticleText] = {}
    for pair in [*train, *validation]:
        for quote in pair.evidence:
            row = rows.get(quote.article_id)
            if row is None or row.text[quote.start : quote.end] != quote.text:
                raise StageError(
                    f"{qa}: the evidence of pair {pair.id!r} is not in article {quote.article_id!r}: pairs and "
                    "articles are of different runs. Run `dvc repro qa`."
                )
            if row.id not in texts:
                texts[row.id] = ArticleText(row.id, row.title, row.text)
    return Data(train, validation, texts)
