"""``python -m stages.articles``: documentation to clean Markdown articles."""

from pathlib import Path

from stages.articles.params import ArticlesParams
from stages.articles.write import write_articles
from tune_or_retrieve.base.home import bring
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.stage import stage


@stage
def main() -> None:
    params = load("articles", ArticlesParams)
    bring(Path(params.folder.path))  # for any source, since DVC always watches it
    if params.source == "botocore":
        from stages.articles.from_botocore import read_botocore

        documents = read_botocore(params.botocore)
    else:
        from stages.articles.from_folder import read_folder

        documents = read_folder(params.folder)
    count = write_articles(documents, Path("data/articles"))
    say(f"articles: {count}, {sum(len(document.text) for document in documents):,} characters")


if __name__ == "__main__":
    main()
