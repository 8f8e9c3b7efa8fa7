"""Candidate pairs to sets: verification, deduplication, split, leakage, handwritten questions, too small a corpus."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import HashingEmbedder
from small_study import write_small_study

from stages.qa.balance import pick, tenth
from stages.qa.build import build
from stages.qa.deduplicate import exact, semantic
from stages.qa.extractive import generate
from stages.qa.handwritten import admit, read_handwritten
from stages.qa.leakage import gate, hits, runs
from stages.qa.metrics import summary
from stages.qa.params import LeakageParams, QaParams
from stages.qa.verify import verify
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text, write_text
from tune_or_retrieve.base.records import Article, Evidence, Pair, Question, Quote, Rejection

LEAKAGE = LeakageParams(ngram=8, similarity=0.97)
EMBEDDING = {"model": "none", "dtype": "float32", "batch_size": 8}
NOUNS = (
    "ferry canoe dinghy barge yacht cutter sloop skiff tugboat kayak trawler gondola punt raft schooner ketch".split()  # noqa: SIM905
)
PLACES = "harbour quay lagoon lock fjord delta marina canal".split()  # noqa: SIM905


def params(**changes) -> QaParams:
    values = {
        "seed": 1,
        "generator": "extractive",
        "provider": "none",
        "pairs": 40,
        "validation_pairs": 6,
        "test_questions": 8,
        "max_per_article": 4,
        "duplicate_similarity": 0.999,
        "leakage": LEAKAGE,
        "embedding": EMBEDDING,
    }
    return QaParams.model_validate(values | changes)


def text_of(noun: str, place_: str, number: int) -> str:
    name = f"Rent{noun.title()}"
    return f"""# {name} ({place_.title()})

## Description

Assigns a free {noun} of the {place_} to the calling member number {number}.

You can keep up to {number + 2} {noun}s per mooring at the {place_}. If the {noun} of the {place_} sinks, the warden
number {number} informs the insurance. To paint a {noun} of the {place_} green, use the Paint{number} parameter.

## Request parameters

### Colour{number}

`Colour{number}` is a required string of {number + 1} to {number + 60} characters.

The colour number {number} that the {noun} has below the deck when it leaves.

### Crew{number}

`Crew{number}` is an optional integer from 1 to {number + 3}.

## Errors

- `{noun.title()}Lost`: The specified {noun} {number} is not moored at the {place_}.
"""


def corpus(size: int = 64) -> tuple[list[Article], dict[str, str]]:
    articles, texts = [], {}
    for number in range(size):
        noun, place_ = NOUNS[number % len(NOUNS)], PLACES[number // len(NOUNS) % len(PLACES)]
        id_ = f"{place_}/rent-{noun}"
        texts[id_] = text_of(noun, place_, number)
        articles.append(
            Article(
                id=id_,
                title=f"Rent{noun.title()} ({place_.title()})",
                service=place_,
                service_name=place_.title(),
                kind="operation",
                source="own",
                path=f"{id_}.md",
                characters=len(texts[id_]),
                sha256=sha256_text(texts[id_]),
            )
        )
    return sorted(articles, key=lambda article: article.id), texts


def pair(**changes) -> Pair:
    text = text_of("ferry", "harbour", 0)
    sentence = "You can keep up to 2 ferrys per mooring at the harbour."
    start = text.index(sentence)
    values = {
        "id": "p1",
        "question": "When using RentFerry in Harbour, how many ferrys can I keep per mooring?",
        "answer": "You can keep up to 2 ferrys per mooring at the harbour.",
        "evidence": [Quote(article_id="harbour/rent-ferry", start=start, end=start + len(sentence), text=sentence)],
        "service": "harbour",
        "kind": "limit",
        "phrasing": "limit.many/1",
    }
    return Pair.model_validate(values | changes)


def quote(**changes) -> Quote:
    return pair().evidence[0].model_copy(update=changes)


def question(**changes) -> Question:
    values = {
        "id": "q1",
        "set": "synthetic",
        "slice": "unseen",
        "question": "How is the moon made?",
        "reference": "Of cheese.",
        "service": "sky",
        "kind": "purpose",
        "evidence": [Evidence(article_id="sky/moon", start=0, end=9, sha256="0" * 64)],
    }
    return Question.model_validate(values | changes)


def make(size: int = 64, **changes):
    articles, texts = corpus(size)
    chosen = params(**changes)
    return build(generate(articles, texts, chosen.seed), articles, texts, HashingEmbedder(), chosen)


# Verification


def test_a_sound_pair_has_no_fault():
    assert verify([pair()], *corpus(1)) == ([pair()], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"evidence": [*pair().evidence, quote(start=0, end=9)]}, "evidence not found"),
        ({"evidence": [*pair().evidence, quote(article_id="harbour/none")]}, "evidence not found"),
        ({"question": "How many in RentFerry?"}, "question too short or too long"),
        ({"question": "Tell me how many ferrys RentFerry in Harbour lets me keep."}, "question not a question"),
        ({"question": "With `RentFerry` in Harbour, how many ferrys can I keep?"}, "question with markup"),
        ({"question": "How many of these can I keep with RentFerry in Harbour?"}, "question leans on other text"),
        ({"question": "How many ferrys can I keep per mooring at all?"}, "question without its subject"),
        ({"answer": "Two."}, "answer too short or too long"),
        ({"answer": "You can keep up to 2 ferrys per"}, "answer cut"),
        ({"answer": "You can keep up to 2 ferrys per mooring at the."}, "answer cut"),
        ({"answer": "You can keep **up to 2** ferrys per mooring."}, "answer with markup"),
        ({"answer": "You can keep the following per mooring at the harbour."}, "answer leans on other text"),
        (
            {"answer": "You can keep up to 3 ferrys per mooring."},
            "answer with a name or number that the evidence lacks",
        ),
        (
            {"answer": "You can keep up to 2 ferrys per MooringId."},
            "answer with a name or number that the evidence lacks",
        ),
        ({"answer": "You can borrow up to 2 ferrys per mooring."}, "answer with words that the evidence lacks"),
        (
            {"question": "With RentFerry in Harbour, how do I keep up to 2 ferrys per mooring at the harbour?"},
            "question gives its answer",
        ),
    ],
)
def test_each_rule_names_what_is_wrong(changes, reason):
    assert verify([pair(**changes)], *corpus(1)) == ([], [Rejection(pair=pair(**changes), reason=reason)])


# Deduplication


def test_same_question_and_same_evidence_are_kept_once():
    again = pair(id="p2", question=pair().question.lower().replace("?", " ?"))
    elsewhere = pair(id="p3", question="Another question?")
    kept, rejected = exact([pair(), again, elsewhere])
    assert [p.id for p in kept] == ["p1"]
    assert [(r.pair.id, r.reason) for r in rejected] == [("p2", "same question"), ("p3", "same evidence")]


def test_near_questions_are_kept_once():
    vectors = np.array([[1, 0], [0.8, 0.6], [0.96, 0.28]], dtype=np.float32)
    kept, rejected = semantic([pair(), pair(id="p2"), pair(id="p3")], vectors, 0.95)
    assert kept == [0, 1]
    assert [(r.pair.id, r.reason) for r in rejected] == [("p3", "near-duplicate question")]


# Leakage


def test_words_of_the_phrasing_make_no_run():
    assert not list(runs("What is the default value of the Name parameter of the operation?", 8))
    assert list(runs("the warden informs the insurance of the mooring ferry captain", 8))


@pytest.mark.parametrize(
    ("test_question", "cosine", "reason"),
    [
        (question(), 0.1, None),
        (question(), 0.98, "similar question"),
        (
            question(evidence=[Evidence(article_id="harbour/rent-ferry", start=0, end=9999, sha256="0" * 64)]),
            0.1,
            "evidence overlap",
        ),
        (question(reference="As told, you can keep up to 2 ferrys per mooring at sea."), 0.1, "words in common"),
        (question(question="Say how many ferrys can I keep?"), 0.1, None),
    ],
)
def test_how_a_pair_leaks(test_question, cosine, reason):
    found = hits([pair()], [test_question], np.array([[cosine]]), LEAKAGE)
    assert [hit.reason for hit in found] == ([reason] if reason else [])


def test_the_gate_stops_a_leak():
    leaked = question(id="q9", question=pair().question)
    with pytest.raises(StageError) as fault_:
        gate([pair()], [], [leaked], HashingEmbedder(), LEAKAGE)
    assert str(fault_.value) == (
        "leakage gate: 1 fault between the pairs and the test questions; nothing was written. The selection of pairs "
        "should have prevented this: please report it, with the section qa of params.yaml:\n"
        "  pair p1 leaks question q9: words in common, “harbour how many ferrys can i keep per”"
    )


def test_the_gate_stops_pairs_from_unseen_articles_and_shared_articles():
    unseen = question(id="q9", evidence=[Evidence(article_id="harbour/rent-ferry", start=0, end=2, sha256="0" * 64)])
    with pytest.raises(StageError) as fault_:
        gate([pair()], [pair(id="p2")], [unseen], HashingEmbedder(), LEAKAGE)
    assert str(fault_.value).splitlines()[1:] == [
        "  question q9 is unseen, but there are pairs from harbour/rent-ferry",
        "  article harbour/rent-ferry has both training and validation pairs",
    ]


def test_the_similarity_that_the_gate_tells_is_of_synthetic_questions():
    """It must not change with a handwritten question more, which leaks no less for that."""
    moon = question(question="How is the moon of the harbour made?")
    ferry = question(id="q2", set="handwritten", question="When using Harbour, how many ferrys can I keep?")
    alone = gate([pair()], [], [moon], HashingEmbedder(), LEAKAGE)
    assert 0 < alone == gate([pair()], [], [ferry, moon], HashingEmbedder(), LEAKAGE)
    assert alone < gate([pair()], [], [ferry.model_copy(update={"set": "synthetic"})], HashingEmbedder(), LEAKAGE)


# Balance


def test_pick_spreads_over_kinds_services_and_tenths():
    pairs = [
        pair(
            id=f"{kind}{service}{n}",
            kind=kind,
            service=service,
            evidence=[quote(article_id=service, start=n * 10, end=n * 10 + 5)],
        )
        for kind in ("limit", "behaviour")
        for service in ("a", "b")
        for n in range(10)
    ]
    picked = pick(pairs, 20, max_per_article=10, characters={"a": 100, "b": 100})
    assert Counter(p.service for p in picked) == {"a": 10, "b": 10}
    assert Counter(tenth(p, {"a": 100, "b": 100}) for p in picked) == dict.fromkeys(range(10), 2)
    assert abs(Counter(p.kind for p in picked)["limit"] - 10) <= 2


# The whole


def test_the_sets_are_of_the_size_asked_and_apart():
    sets = make()
    assert [len(sets.train), len(sets.validation), len(sets.test)] == [40, 6, 8]
    trained = {a for p in sets.train for a in p.articles}
    validated = {a for p in sets.validation for a in p.articles}
    tested = {
        slice_: {q.evidence[0].article_id for q in sets.test if q.slice == slice_} for slice_ in ("seen", "unseen")
    }
    assert (len(tested["seen"]), len(tested["unseen"])) == (4, 4)
    assert tested["seen"] <= trained
    assert not tested["unseen"] & (trained | validated)
    assert not trained & validated
    assert max(Counter(a for p in sets.train for a in p.articles).values()) <= 4
    texts = corpus()[1]
    for row in sets.test:
        for span in row.evidence:
            assert sha256_text(texts[span.article_id][span.start : span.end]) == span.sha256


def test_the_same_input_gives_the_same_sets_and_another_seed_others():
    assert make() == make()
    assert make().train != make(seed=2).train


def test_each_number_of_the_params_counts():
    assert max(Counter(a for p in make(max_per_article=2).train for a in p.articles).values()) == 2
    near = make(duplicate_similarity=0.9).rejected
    assert Counter(r.reason for r in near)["near-duplicate question"] > 0


def test_too_small_a_corpus_says_how_many_pairs_it_makes():
    with pytest.raises(StageError) as fault_:
        make(size=8)
    message = str(fault_.value)
    assert message.startswith("data/articles: too small for the pairs asked for: 8 articles gave ")
    assert " of 40 training pairs, " in message
    assert message.endswith(
        "Lower qa.pairs, qa.validation_pairs or qa.test_questions, raise qa.max_per_article, or give more articles. "
        "Nothing was written."
    )


def test_an_empty_corpus_is_too_small_as_well():
    with pytest.raises(StageError, match="too small for the pairs asked for: 0 articles gave 0 candidates"):
        make(size=0)


def test_metrics_are_flat_numbers_that_add_up():
    articles, _ = corpus()
    numbers = summary(make(), articles, 0.5)
    assert all(isinstance(value, int | float) for value in numbers.values())
    assert sum(v for k, v in numbers.items() if k.startswith("kind_")) == 46
    assert sum(v for k, v in numbers.items() if k.startswith("service_")) == 46
    assert sum(v for k, v in numbers.items() if k.startswith("position_")) == pytest.approx(1, abs=0.001)
    assert numbers["rejected"] == sum(v for k, v in numbers.items() if k.startswith("rejected_"))


# Handwritten questions


def row(**changes) -> dict:
    text = "The quay opens at nine."
    evidence = {"article_id": "a", "start": 0, "end": 23, "sha256": sha256_text(text)}
    values = question(id="h1", set="handwritten").model_dump() | {"evidence": [evidence | changes.pop("span", {})]}
    return values | changes


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


TEXTS = {"a": "The quay opens at nine. Bring a coat."}
SERVICES = {"sky"}


def test_handwritten_questions_are_read_and_may_be_none(tmp_path):
    assert [q.id for q in read_handwritten(write(tmp_path / "q.jsonl", [row()]), TEXTS, SERVICES)] == ["h1"]
    assert read_handwritten(write(tmp_path / "none.jsonl", []), TEXTS, SERVICES) == []


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    path = write(tmp_path / "q.jsonl", [row(), row()])
    path.write_bytes(b"\xef\xbb\xbf\r\n" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    with pytest.raises(StageError) as fault_:
        read_handwritten(path, TEXTS, SERVICES)
    assert str(fault_.value) == f"{path}: 1 fault:\n  line 4, question 'h1': line 2 has the same id."


def test_handwritten_questions_about_services_that_the_corpus_lacks_are_left_out(tmp_path, capsys):
    elsewhere = {"article_id": "sea/tide"}
    rows = [
        row(id="h1", service="sea", span=elsewhere),
        row(id="h2"),
        row(id="h3", service="Sky"),  # of an article that is there
        row(id="h4", service="sea", span=elsewhere),
    ]
    path = write(tmp_path / "q.jsonl", rows)
    assert [q.id for q in read_handwritten(path, TEXTS, SERVICES)] == ["h2", "h3"]
    assert capsys.readouterr().err == (
        f"{path}: 2 of 4 questions are left out, because no article is about their service: h1 (sea), h4 (sea)\n"
    )


def test_every_fault_of_handwritten_questions_is_named_at_once(tmp_path):
    path = write(
        tmp_path / "q.jsonl",
        [
            row(),
            row(set="synthetic", id="h2"),
            row(id="h3", span={"article_id": "b"}),
            row(id="h4", span={"end": 99}),
            row(id="h5", span={"start": 1}),
            row(id="h6", evidence=[]),
            row(reference=" "),
        ],
    )
    with pytest.raises(StageError) as fault_:
        read_handwritten(path, TEXTS, SERVICES)
    assert str(fault_.value).splitlines() == [
        f"{path}: 7 faults:",
        "  line 2, question 'h2': set must be 'handwritten'. Got 'synthetic'.",
        "  line 3, question 'h3': evidence b 0–23: there is no such article. Correct the id, add its service to "
        "articles.botocore.services in params.yaml, or remove the question. With documents of your own, this file may "
        "be empty.",
        "  line 4, question 'h4': evidence a 0–99: must lie within the article's 37 characters. Find the passage "
        "again.",
        "  line 5, question 'h5': evidence a 1–23: its text does not have the sha256 of the row, so the article has "
        "changed. Find the passage again and correct start, end and sha256.",
        "  line 6, question 'h6': evidence must name at least one passage.",
        "  line 7, question 'h1': question and reference must not be empty.",
        "  line 7, question 'h1': line 1 has the same id.",
    ]


def test_a_slice_is_computed_and_a_question_that_leaks_is_left_out():
    """Whatever the file says of the slice. The pair is from harbour/rent-ferry."""

    def asked(id_, article, question_="How is the moon made?", start=5000):
        evidence = [Evidence(article_id=article, start=start, end=start + 9, sha256="0" * 64)]
        return question(id=id_, set="handwritten", slice="seen", question=question_, evidence=evidence)

    told = pair().evidence[0]
    questions = [
        asked("h1", "sky/moon"),
        asked("h2", "harbour/rent-ferry"),
        asked("h3", "harbour/rent-ferry", start=told.start),
        asked("h4", "sky/moon", question_=pair().question),
    ]
    kept, left_out = admit(questions, [pair()], HashingEmbedder(), LEAKAGE)
    assert [(one.id, one.slice) for one in kept] == [("h1", "unseen"), ("h2", "seen")]
    assert [(one.question.id, one.reason) for one in left_out] == [
        ("h3", f"pair p1 leaks it: evidence overlap, harbour/rent-ferry {told.start}–{told.end}"),
        ("h4", "pair p1 leaks it: words in common, “harbour how many ferrys can i keep per”"),
    ]
    assert admit([], [pair()], HashingEmbedder(), LEAKAGE) == ([], [])


def test_one_more_handwritten_question_changes_no_pair_and_no_synthetic_question(tmp_path, monkeypatch, capsys):
    """The whole stage, on the corpus of the small study."""
    from stages.articles.__main__ import main as make_articles
    from stages.qa import __main__ as stage

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "Embedder", lambda *_: HashingEmbedder())
    write_small_study(tmp_path, {})
    make_articles()
    file = tmp_path / "data/eval/questions.jsonl"
    rows = file.read_text().splitlines()
    made = []
    for lines in (rows[:1], rows):
        file.write_text("".join(f"{line}\n" for line in lines))
        stage.main()
        made.append({path.name: path.read_text() for path in (tmp_path / "data/qa").iterdir()})
    one, two = (each.pop("handwritten.jsonl").splitlines() for each in made)
    assert made[0] == made[1]
    assert (len(one), two[:1]) == (1, one)
    assert {json.loads(row)["id"] for row in two} == {"hand-1", "hand-2"}
    split = json.loads(made[0]["split.json"])
    used = {span["article_id"] for name in ("train", "validation") for row in made[0][f"{name}.jsonl"].splitlines()
            for span in json.loads(row)["evidence"]}  # fmt: skip
    assert used <= {*split["train"], *split["validation"]}
    assert not used & set(split["unseen"])


GERMAN = "# Das Tor {0}\n\nDas Tor öffnet sich für neunzig Sekunden. Danach schließt es von selbst.\n"


def test_the_extractive_generator_leaves_out_articles_in_other_languages(tmp_path, monkeypatch, capsys):
    from stages.articles.__main__ import main as make_articles
    from stages.qa import __main__ as stage

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "Embedder", lambda *_: HashingEmbedder())
    write_small_study(tmp_path, {})
    english = [path.relative_to("corpus").with_suffix("").as_posix() for path in Path("corpus").rglob("*.md")]
    for number in range(3):
        write_text(Path(f"corpus/tor/{number}.md"), GERMAN.format(number))
    make_articles()
    stage.main()
    said = (
        f"3 of {len(english) + 3} articles are left out, as qa.generator extractive reads English only (3 de); llm "
        "reads other languages, too."
    )
    assert f"qa: {said}\n" in capsys.readouterr().err
    numbers = json.loads(Path("metrics/qa.json").read_text())
    assert (numbers["languages"], numbers["articles_left_out"]) == (f"{len(english)} en, 3 de", 3)
    assert "service_tor" not in numbers

    for name in english:
        Path(f"corpus/{name}.md").unlink()
    write_text(Path("data/eval/questions.jsonl"), "")
    make_articles()
    with pytest.raises(SystemExit):
        stage.main()
    assert capsys.readouterr().err.endswith(
        "or give more articles. 3 of 3 articles are left out, as qa.generator extractive reads English only (3 de); "
        "llm reads other languages, too. Nothing was written.\n"
    )


RUSSIAN = "Потерянный ключ заменяют за 10 дней. Замок AX7 хранит до 40 ключей."
UNSUPPORTED = "answer with a name or number that the evidence lacks"
LENGTH = "question too short or too long"
JAPANESE = "棚には荷物を40個まで置けます。荷物は10日後に返送されます。"


@pytest.mark.parametrize(
    ("language", "title", "text", "question_", "answer", "reason"),
    [
        ("ru", "Замок", RUSSIAN, "За сколько дней заменяют потерянный ключ? (Замок)", "Его заменят за 10 дней.", None),
        ("ja", "棚", JAPANESE, "棚には荷物を何個まで置けますか？", "荷物を40個まで置けます。", None),
        ("ja", "棚", JAPANESE, "棚の荷物は何日後に返送されますか", "30日後に返送されます。", UNSUPPORTED),
        ("ru", "Замок", RUSSIAN, "Сколько ключей хранит замок?", "Замок AX9 хранит 40 ключей.", UNSUPPORTED),
        ("ru", "Замок", RUSSIAN, "За сколько дней?", "Его заменят за 10 дней.", "question without its subject"),
        ("ja", "棚", JAPANESE, "棚は?", "荷物を40個まで置けます。", LENGTH),
        ("ja", "棚", JAPANESE, "棚には何個まで置けますか？", "**荷物**を40個まで置けます。", "answer with markup"),
        ("en", "棚", JAPANESE, "棚には荷物を何個まで置けますか？", "荷物を40個まで置けます。", LENGTH),
    ],
)  # fmt: skip
def test_pairs_in_other_languages_are_held_to_the_rules_that_need_no_language(
    language, title, text, question_, answer, reason
):
    article = Article(
        id="a", title=title, service="s", service_name="s", kind="document", language=language, source="a.md",
        path="a.md", characters=len(text), sha256=sha256_text(text),
    )  # fmt: skip
    quote = Quote(article_id="a", start=0, end=len(text), text=text)
    one = pair(question=question_, answer=answer, evidence=[quote])
    sound, rejected = verify([one], [article], {"a": text})
    assert (sound, [row.reason for row in rejected]) == (([one], []) if reason is None else ([], [reason]))


def test_questions_in_other_scripts_are_told_apart():
    texts = {"ru": RUSSIAN, "ja": JAPANESE}
    pairs = [
        pair(
            question=f"{text[:5]} {number}?",
            evidence=[Quote(article_id=id_, start=0, end=5, text=text[:5] + str(number))],
        )
        for id_, text in texts.items()
        for number in range(2)
    ]
    assert exact([*pairs, pairs[0]])[0] == pairs
    eight = "за сколько дней обычно заменяют потерянный ключ склада"
    assert list(runs(f"Скажи, {eight.upper()}?", 8))[-1] == tuple(eight.split())
