"""A call of a chat model for each passage, and the candidate pairs of its replies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from stages.qa.llm.candidates import Kind, Pairs, candidates, read
from stages.qa.llm.passages import Passage, spread
from stages.qa.params import LlmQaParams, WriterParams
from stages.qa.shared.subject import subject_of
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.progress import Progress, say
from tune_or_retrieve.base.records import Article, Pair, Rejection
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.engine import asker
from tune_or_retrieve.chat.prompting import filled
from tune_or_retrieve.chat.replies import Replies
from tune_or_retrieve.chat.structured import Asks, ShapedReply
from tune_or_retrieve.text.languages import may_be_english

if TYPE_CHECKING:
    from tune_or_retrieve.money.jobs import Watch
    from tune_or_retrieve.money.spending import Spending

PROMPT = Path(__file__).with_name("prompt.txt")
IN_ITS_LANGUAGE = " Write question and answer in the language of the passage."
Spent = Callable[[ShapedReply], None]
Begin = Callable[[Sequence[list[dict[str, str]]]], None]


def generate(
    articles: Sequence[Article],
    texts: Mapping[str, str],
    params: LlmQaParams,
    run: RunParams,
    watch: "Watch | None" = None,
) -> list[Pair | Rejection]:
    """Candidate pairs by the model of `qa.llm`; replies that are in the store are not asked for again.

    Raises:
        StageError: the settings cannot give the pairs asked for (before any call), or a call fails.
    """
    writer = params.llm
    shown = spread(articles, texts, writer.passage_tokens, writer.max_passages, params.seed)
    most, wanted = len(shown) * writer.pairs_per_passage, params.pairs + params.validation_pairs + params.test_questions
    if most < wanted:
        raise StageError(
            f"qa.llm: {len(shown)} passages with at most {writer.pairs_per_passage} pairs each give no more than "
            f"{most} candidates, and {wanted} pairs and questions are wanted. Raise qa.llm.max_passages or "
            "qa.llm.pairs_per_passage, lower qa.llm.passage_tokens, or ask for fewer pairs. Nothing was sent."
        )
    options = Options(max_tokens=writer.max_tokens, temperature=writer.temperature, seed=params.seed)
    concurrency = run.concurrency.of(writer.provider)
    with CallStore() as store, asker(writer, options, run) as model:
        share, written = writer.pairs_per_passage, partial(write, shown, texts, model, store)
        if writer.provider != "bedrock":
            return list(written(share, concurrency))
        from tune_or_retrieve.money.spending import Spending  # prices are read only where something is paid

        spending = Spending("qa", writer.billed_as)
        if writer.batch:
            unanswered = written_by(model, store, concurrency).unanswered(prompts(shown, texts, share))
            _by_batch(writer, options, unanswered, store, watch, spending)

        def begin(asked: Sequence[list[dict[str, str]]]) -> None:
            spending.begin(asked, writer.max_tokens, concurrency)

        return list(written(share, concurrency, spending.paid, begin))


def write(
    shown: Sequence[Passage],
    texts: Mapping[str, str],
    model: Asks,
    store: CallStore,
    share: int,
    concurrency: int,
    spent: Spent = lambda reply: None,
    begin: Begin = lambda prompts: None,
    prompt: str | None = None,
) -> Iterator[Pair | Rejection]:
    """Candidates of each passage, in the order of the passages, whatever the concurrency.

    Args:
        share: pairs that a passage gives at most.
        spent: called with each reply that was paid for, before it is stored; what it raises ends the writing.
        begin: called with the messages of all calls to be made, before the first of them; may refuse.
        prompt: the text of prompt.txt.

    Raises:
        StageError: a call fails, or none of the first replies can be read. A rerun asks only for what is not read yet.
    """
    asked = prompts(shown, texts, share, prompt)
    replies = written_by(model, store, concurrency, spent, begin)
    pending = len(replies.unanswered(asked))
    say(f"qa: {len(shown)} passages for the model, {len(shown) - pending} of them answered in an earlier run")
    with Progress("pairs by the model", pending, "passages", concurrency, "lower qa.llm.max_passages") as progress:
        replies.settled = progress.advance
        made = replies.to(asked)
    for passage, reply in zip(shown, made, strict=True):
        yield from candidates(reply, passage, texts[passage.article.id], share)


def prompts(
    shown: Sequence[Passage], texts: Mapping[str, str], share: int, prompt: str | None = None
) -> list[list[dict[str, str]]]:
    """The messages about each passage."""
    prompt = PROMPT.read_text(encoding="utf-8") if prompt is None else prompt
    return [asking(prompt, passage, texts[passage.article.id], share) for passage in shown]


def written_by(
    model: Asks,
    store: CallStore,
    concurrency: int,
    spent: Spent = lambda reply: None,
    begin: Begin = lambda prompts: None,
) -> Replies:
    """The model's replies; arguments as for `write`."""
    remedy = "Take a model that answers by a JSON object, or raise qa.llm.max_tokens if it writes or thinks at length."
    return Replies("qa", "qa", model, Pairs, read, store, concurrency, remedy, spent, begin)


def asking(prompt: str, passage: Passage, text: str, share: int) -> list[dict[str, str]]:
    """The messages about one passage."""
    article = passage.article
    material = {
        "title": article.title,
        "section": passage.section or "none",
        "names": " and ".join(subject_of(article).names),
        "passage": text[passage.start : passage.end],
    }
    language = "" if may_be_english(article.language) else IN_ITS_LANGUAGE
    return filled(prompt, material, count=str(share), kinds=", ".join(get_args(Kind)), language=language)


def _by_batch(
    writer: WriterParams,
    options: Options,
    asked: Mapping[str, list[dict[str, str]]],
    store: CallStore,
    watch: "Watch | None",
    spending: "Spending",
) -> None:
    """Put what one batch job can answer into the store."""
    from tune_or_retrieve.providers.bedrock.aws.session import clients
    from tune_or_retrieve.providers.bedrock.chat.batch import fill

    fill(clients(writer.region), writer, options, Pairs, asked, store, "qa", watch, spending)
