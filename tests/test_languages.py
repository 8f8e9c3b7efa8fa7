"""Languages: which one a text is in, its words, and that its articles are found by inflected questions."""

import unicodedata

import pytest

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
