"""Languages: which one a text is in, its words, and that its articles are found by inflected questions."""

import unicodedata
from pathlib import Path

import pytest
import yaml

from stages.articles import __main__ as articles_stage
from stages.chunks import __main__ as chunks_stage
from stages.index import __main__ as index_stage
from stages.retrieve import __main__ as retrieve_stage
from tune_or_retrieve.base.corpus import read_articles
from tune_or_retrieve.base.files import read_jsonl, sha256_text, write_jsonl, write_text
from tune_or_retrieve.base.records import Evidence, Question, Retrieved
from tune_or_retrieve.text.languages import language_of, shares, stemming
from tune_or_retrieve.text.search_words import query_words, text_words

PROSE = {
    "ar": "يفتح الصندوق بمفتاح واحد. تبقى المفاتيح صالحة لعشرة أيام.",
    "de": "Die Warteschlange speichert jede Nachricht vier Tage lang.",
    "en": "A shelf holds at most forty parcels.",
    "es": "La consola guarda cada mensaje durante cuatro días.",
    "ja": "棚の鍵は十日間有効です。",
    "ko": "사용자는 비밀번호를 열흘마다 바꿔야 합니다.",
    "ru": "Замок хранит ключи десять дней. Это можно изменить в настройках.",
    "th": "กุญแจตู้เก็บของใช้ได้สิบวัน",
    "zh": "密码必须每十天更改一次。",
}


@pytest.mark.parametrize(("language", "text"), PROSE.items())
def test_language_of_prose(language, text):
    assert language_of(f"# GetObject\n\n{text}\n") == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12 345",
        "x = 1",
        "FAQ",
        "| a | 1 |",
        "```\nThe shelf holds at most forty parcels.\n",
        "`the key of the shelf`",
    ],
)
def test_language_of_a_text_that_does_not_tell(text):
    assert language_of(text) is None


@pytest.mark.parametrize(
    "code",
    ["```python\n{}\n```", "~~~~\n```\n{}\n~~~~", "`{}`", "<div class='{}'>", "https://example.org/{}"],
    ids=["fence", "tildes", "span", "tag", "address"],
)
def test_code_is_no_prose(code):
    words = "the-parcels-of-the-shelf-and-the-keys-of-the-gate" if code[0] in "h<" else PROSE["en"] * 9
    assert language_of(f"{code.format(words)}\n\n{PROSE['de']}\n") == "de"


def test_the_first_thousands_of_characters_tell():
    assert language_of(PROSE["ru"] * 1000 + PROSE["ar"] * 10_000) == "ru"


@pytest.mark.parametrize(
    ("setting", "languages", "expected"),
    [
        ("auto", {"a": "de", "b": "ru", "c": "ja"}, {"a": "german", "b": "russian", "c": "none"}),
        (
            "auto",
            {"a": "de", "b": "en", "c": "en", "d": None},
            {"a": "german", "b": "english"} | dict.fromkeys("cd", "english"),
        ),
        ("auto", {"a": None}, {"a": "none"}),
        ("auto", {}, {}),
        ("none", {"a": "de"}, {"a": "none"}),
        ("french", {"a": "de", "b": None}, {"a": "french", "b": "french"}),
    ],
)
def test_stemming(setting, languages, expected):
    assert stemming(setting, languages) == expected


def test_shares_in_words():
    assert shares({"de": 12, None: 1, "en": 1040}) == "1,040 en, 12 de, 1 unknown"


@pytest.mark.parametrize(
    ("text", "algorithm", "words"),
    [
        ("Größe, café, naïve", "none", ["grösse", "café", "naïve"]),
        ("GRÖSSE Straße", "none", ["grösse", "strasse"]),
        ("GetGröße", "none", ["get", "grösse", "=getgrösse"]),
        ("Замок может хранить 64 КБ", "russian", ["замок", "может", "хран", "64", "кб"]),
        ("Die Häuser der Schlüssel", "german", ["die", "haus", "der", "schlussel"]),
        ("棚の鍵は。S3バケット", "none", ["棚の", "の鍵", "鍵は", "s3", "バケ", "ケッ", "ット"]),
        ("鍵 データー", "none", ["鍵", "デー", "ータ", "ター"]),
        ("ｶﾞｷﾞ ＡＢＣ１２", "none", ["ガギ", "abc12"]),
        ("비밀번호를", "none", ["비밀", "밀번", "번호", "호를"]),
        ("ตู้เปิด ๖๔", "none", ["ตู้เ", "เปิ", "ปิด", "64"]),
        ("हिन्दी १२", "none", ["हिन्दी", "12"]),
        ("صناديق ٦٤", "none", ["صناديق", "64"]),
        ("می‌شود", "none", ["می", "شود", "=میشود"]),
        ("Ver\u00adtrag", "none", ["vertrag"]),
        ("İzmir IZMIR", "none", ["izmir", "izmir"]),
        ("The policies of it", "english", ["policy"]),
        ("The policies of it", "none", ["policies"]),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_of_any_script(text, algorithm, words, form):
    assert text_words(unicodedata.normalize(form, text), algorithm) == words


def test_a_question_is_stemmed_in_each_language_of_the_index():
    known = {"хран", "ключ", "schlussel", "=getobject", "鍵は"}
    algorithms = ["german", "none", "russian"]
    assert query_words("Хранят ключи?", known, algorithms) == ["хран", "ключ"]
    assert query_words("Schlüsseln", known, algorithms) == ["schlussel"]
    assert query_words("鍵は get object", known, algorithms) == ["鍵は", "=getobject"]
    assert query_words("Schlüsseln", known, ["none"]) == []


# A folder in five languages. Each question has its word in another form than the article, or stands inside a sentence.

ARTICLES = {
    "ru/lock": "# Замок\n\nЗамок хранит до сорока ключей. Потерянный ключ заменяют за десять дней в конторе склада.",
    "ru/gate": "# Ворота\n\nВорота открываются на девяносто секунд. Потом они закрываются сами, если рядом нет машины.",
    "ja/shelf": "# 棚\n\n棚には荷物を四十個まで置けます。荷物は十日後に返送されます。",
    "ja/gate": "# 門\n\n門は九十秒だけ開きます。車が近くにあれば閉まりません。",
    "ar/box": "# الصندوق\n\nيتسع الصندوق لأربعين طردا. تبقى المفاتيح صالحة لعشرة أيام فقط بعد الإيداع.",
    "ar/gate": "# البوابة\n\nتفتح البوابة تسعين ثانية. ثم تغلق وحدها إذا لم تكن هناك شاحنة قريبة.",
    "de/shelf": "# Das Regal\n\nEin Regal fasst vierzig Pakete. Der Schlüssel gilt zehn Tage.",
    "de/gate": "# Das Tor\n\nDas Tor öffnet sich für neunzig Sekunden. Danach schließt es von selbst.",
    "en/shelf": "# The shelf\n\nA shelf holds at most forty parcels. A parcel is returned after ten days.",
    "en/gate": "# The gate\n\nThe gate opens for ninety seconds. Then it closes by itself unless a truck is near.",
}
QUESTIONS = {
    "Сколько ключей может быть в замке?": "ru/lock",
    "Когда закроются воротами?": "ru/gate",
    "荷物はいつ返送される？": "ja/shelf",
    "車がいるとき門はどうなる？": "ja/gate",
    "كم يوما يبقى المفتاح صالحا؟": "ar/box",
    "متى أغلقت البوابات؟": "ar/gate",
    "Wie lange gelten die Schlüsseln?": "de/shelf",
    "Wann schließen Tore?": "de/gate",
    "How long do shelves hold my parcel?": "en/shelf",
    "Which trucks keep gates open?": "en/gate",
}


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """Where articles, chunks and index are made of the folder."""
    root = tmp_path_factory.mktemp("languages")
    for name, text in ARTICLES.items():
        write_text(root / f"docs/{name}.md", text + "\n")
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["articles"] |= {"source": "folder", "folder": content["articles"]["folder"] | {"path": "docs"}}
    (root / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for stage in (articles_stage, chunks_stage, index_stage):
            stage.main()
    return root


def test_the_manifest_says_the_language_of_each_article(searched):
    languages = {article.id: article.language for article in read_articles(searched / "data/articles")}
    assert languages == {name: name[:2] for name in ARTICLES}


@pytest.mark.parametrize("mode", ["bm25", "hybrid"])
def test_an_inflected_question_finds_the_article_in_its_language(searched, monkeypatch, mode):
    monkeypatch.chdir(searched)
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["retrieval"] |= {"mode": mode, "top_k": 1}
    Path("params.yaml").write_text(yaml.safe_dump(content))
    evidence = {name: Evidence(article_id=name, start=0, end=1, sha256=sha256_text("#")) for name in ARTICLES}
    asked = [
        Question(
            id=question,
            set="handwritten",
            question=question,
            reference="",
            service="",
            kind="",
            evidence=[evidence[name]],
        )
        for question, name in QUESTIONS.items()
    ]
    write_jsonl(Path("data/qa/handwritten.jsonl"), asked)
    write_jsonl(Path("data/qa/test.jsonl"), [])
    retrieve_stage.main()
    found = {
        row.question_id: row.passages[0].article_id if row.passages else None
        for row in read_jsonl(Path("data/contexts/contexts.jsonl"), Retrieved)
    }
    assert found == QUESTIONS
