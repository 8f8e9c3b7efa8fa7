"""Is a candidate pair sound? The same rules hold for every generator, and a rejection names the rule broken.

Most rules know English only. Pairs from articles in other languages are held to those that need no language.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from stages.qa.shared.blocks import SENTENCE_END, blocks, plain
from stages.qa.shared.grammar import has_pointer
from stages.qa.shared.subject import Subject, subject_of
from tune_or_retrieve.base.records import Article, Pair, Rejection
from tune_or_retrieve.text.languages import may_be_english

QUESTION_WORDS = (5, 48)
ANSWER_WORDS = (4, 75)
ANSWER_SENTENCES = 3
EVIDENCE_CHARACTERS = 900
# In languages other than English, some of which have no blanks between words.
QUESTION_CHARACTERS = (8, 400)
ANSWER_CHARACTERS = (8, 700)
MARKUP = re.compile(r"[`<>{}|\\]|\*\*|\]\(|https?:|^\s*[-*#]|\s{2}|(?<!\w)_\w|\w_(?!\w)")
CUT = re.compile(r"(?:\.\.\.|…|[,;:(]|\b(?:and|or|the|a|an|of|to|in|for|with|that|which|is|are|by|as|from))[.\s]*$")
# Kinds of pairs whose answer may be a mere "required" or "optional".
STATES = ("required", "comparison")
DOUBLED = re.compile(r"\b([a-z]+) \1\b", re.IGNORECASE)
YES_NO = re.compile(r"(?:^|[,.:] )(?:and )?(?:is|are|can|may|must|does|do|am|has|have|will|should)\b", re.IGNORECASE)
IDENTIFIER = re.compile(
    r"\b(?:[A-Za-z]*[a-z][A-Z]\w*|[A-Za-z]+_\w+|[a-z0-9-]+:[A-Z]\w+|[A-Z]{2,}[\w-]*|\w*\d[\w,.]*\w|\d)\b"
)
IDENTIFIER_ANYWHERE = re.compile(IDENTIFIER.pattern, re.ASCII)  # also next to letters of other scripts
WORD = re.compile(r"[A-Za-z][\w'-]*")
ENTRY_HEAD = re.compile(r"`([\w.:-]+)`")
# Words that an answer may use without evidence: function words, and those that name the kind of a fact.
GLUE = frozenset(
    """a about above accept accepts accepted all allowed also am an and any are as at be been before between both but by
    call calling can cannot can't contain contains default do does don't element elements entries entry error exactly
    fails following for from has have hold holds how i if in indicates integer into is it its least length list long
    may me mean means most must my need needs no not number of on one operation operations optional or out parameter
    parameters permission permissions request required response return returns service set specified specifies specify
    string so structure such than that the their them then there these they this to use used uses using valid value
    values was were what when where which who why will with within yes you your""".split()  # noqa: SIM905
)


def verify(
    pairs: Iterable[Pair], articles: Iterable[Article], texts: Mapping[str, str]
) -> tuple[list[Pair], list[Rejection]]:
    """The sound pairs, and the others with the first rule that each breaks. ``texts`` by article id."""
    articles = list(articles)
    subjects = {article.id: subject_of(article) for article in articles}
    foreign = {article.id for article in articles if not may_be_english(article.language)}
    sound, rejected = [], []
    for pair in pairs:
        if reason := (fault_in_any_language if pair.articles & foreign else fault)(pair, subjects, texts):
            rejected.append(Rejection(pair=pair, reason=reason))
        else:
            sound.append(pair)
    return sound, rejected


def fault(pair: Pair, subjects: Mapping[str, Subject], texts: Mapping[str, str]) -> str | None:
    """The first rule that the pair breaks, or None. ``subjects`` and ``texts`` by article id."""
    if reason := _evidence(pair, texts):
        return reason
    own = [subjects[article_id] for article_id in sorted(pair.articles)]
    return _question(pair, own) or _answer(pair, own) or _support(pair, texts, own)


def fault_in_any_language(pair: Pair, subjects: Mapping[str, Subject], texts: Mapping[str, str]) -> str | None:
    """As :func:`fault`, by the rules that need no knowledge of a language."""
    if reason := _evidence(pair, texts):
        return reason
    own = [subjects[article_id] for article_id in sorted(pair.articles)]
    for what, words, (low, high) in (
        ("question", pair.question, QUESTION_CHARACTERS),
        ("answer", pair.answer, ANSWER_CHARACTERS),
    ):
        if not low <= len(words) <= high:
            return f"{what} too short or too long"
        if MARKUP.search(" ".join(_without_names(words, own).split())) or not balanced(words):
            return f"{what} with markup"
    if not all(subject.name.casefold() in pair.question.casefold() for subject in own):
        return "question without its subject"
    if _unsupported(IDENTIFIER_ANYWHERE.findall(pair.answer), _ground(pair, texts, own)):
        return "answer with a name or number that the evidence lacks"
    return None


def _evidence(pair: Pair, texts: Mapping[str, str]) -> str | None:
    for quote in pair.evidence:
        text = texts.get(quote.article_id)
        if text is None or text[quote.start : quote.end] != quote.text:
            return "evidence not found"
        if not quote.text.strip() or len(quote.text) > EVIDENCE_CHARACTERS:
            return "evidence too long or empty"
    return None


def _question(pair: Pair, subjects: Sequence[Subject]) -> str | None:
    question = pair.question
    low, high = QUESTION_WORDS
    if not low <= len(question.split()) <= high:
        return "question too short or too long"
    own = " ".join(_without_names(question, subjects).split())  # a title may be a question itself, or hold code
    if not question.endswith("?") or own.count("?") != 1 or not (question[0].isupper() or question[0] == "“"):
        return "question not a question"
    if MARKUP.search(own) or not balanced(question):
        return "question with markup"
    if has_pointer(own):
        return "question leans on other text"
    if not all(_names_subject(pair, subject) for subject in subjects):
        return "question without its subject"
    return None


def _answer(pair: Pair, subjects: Sequence[Subject]) -> str | None:
    answer = pair.answer
    low, high = ANSWER_WORDS
    if not low <= len(answer.split()) <= high or len(list(SENTENCE_END.finditer(answer))) + 1 > ANSWER_SENTENCES:
        return "answer too short or too long"
    if (
        not answer.endswith((".", ".)", ".”"))
        or CUT.search(answer[:-1])
        or not re.match(r"[A-Z0-9“\"(]|[a-z]+[A-Z:_.]", answer)
    ):
        return "answer cut"
    if DOUBLED.search(answer):
        return "answer with a word twice"
    if MARKUP.search(answer) or not balanced(answer):
        return "answer with markup"
    if has_pointer(_without_names(answer.removeprefix("No, ").removeprefix("Yes, "), subjects)):
        return "answer leans on other text"
    return None


def _support(pair: Pair, texts: Mapping[str, str], subjects: Sequence[Subject]) -> str | None:
    ground = _ground(pair, texts, subjects)
    identifiers = IDENTIFIER.findall(pair.answer)
    if _unsupported(identifiers, ground):
        return "answer with a name or number that the evidence lacks"
    content = {stem(word) for word in WORD.findall(pair.answer) if word.lower() not in GLUE}
    if not content <= stems(ground):
        return "answer with words that the evidence lacks"
    asked = stems(pair.question)
    fresh = {word for word in content.union(identifiers) if word not in asked and word not in pair.question}
    if not fresh and not YES_NO.search(pair.question) and pair.kind not in STATES:
        return "question gives its answer"
    return None


def _ground(pair: Pair, texts: Mapping[str, str], subjects: Sequence[Subject]) -> str:
    """The words that an answer may rest on."""
    grounds = [f"{quote.text} {context(texts[quote.article_id], quote.start)}" for quote in pair.evidence]
    return plain(" ".join(grounds)) + " " + " ".join(_names(subjects))


def _unsupported(identifiers: Iterable[str], ground: str) -> bool:
    return not all(part in ground for name in identifiers for part in name.split("."))


def context(text: str, start: int) -> str:
    """The headings and the heads of list entries above a passage, which say what it is about."""
    above: list[str] = []
    level, indentation = 7, 10_000
    for block in reversed([block for block in blocks(text) if block.start < start]):
        if block.kind == "heading":
            if block.level < level:
                level, indentation = block.level, -1
                above.append(block.title)
        elif block.kind == "item" and block.level < indentation and (entry := ENTRY_HEAD.match(text, block.start)):
            indentation = block.level
            above.append(entry[1])
        if level == 1:
            break
    return " ".join(above)


def stems(words: str) -> set[str]:
    return {stem(word) for word in WORD.findall(words)}


def stem(word: str) -> str:
    """A word without its inflection, roughly: enough to see "creates" in "create"."""
    word = word.lower().removesuffix("'s")
    for ending in ("ies", "ing", "ed", "es", "s", "e", "y"):
        if len(word) - len(ending) >= 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word


def balanced(words: str) -> bool:
    return words.count("(") == words.count(")") and words.count("[") == words.count("]") and words.count('"') % 2 == 0


def _names_subject(pair: Pair, subject: Subject) -> bool:
    """Always the service or document; also the operation, unless it is the answer or a term is defined."""
    if subject.kind != "operation":
        return _named(subject.name, pair.question)
    if not _named(subject.service, pair.question):
        return False
    return pair.kind == "definition" or _named(subject.name, pair.question) or _named(subject.name, pair.answer)


def _named(name: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) is not None


def _names(subjects: Sequence[Subject]) -> list[str]:
    return [name for subject in subjects for name in subject.names]


def _without_names(words: str, subjects: Sequence[Subject]) -> str:
    for name in _names(subjects):
        words = words.replace(name, " ")
    return words
