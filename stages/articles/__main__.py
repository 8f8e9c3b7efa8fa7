"""``python -m stages.articles``: documentation to clean Markdown articles."""

from pathlib import Path

from stages.articles.params import ArticlesParams
from stages.articles.write import write_articles
from tune_or_retrieve.base.corpus import FOLDER
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
        count = write_articles(documents, FOLDER)
        say(f"articles: {count}, {sum(len(document.text) for document in documents):,} characters")
    else:
        from stages.articles.from_folder import read_folder

        reading = read_folder(params.folder, FOLDER)
        write_articles(reading.documents, FOLDER, reading.skipped)
        for line in reading.told:
            say(line)


if __name__ == "__main__":
    main()
