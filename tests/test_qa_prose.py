"""What the extractive generator reads out of the sentences of an ordinary document."""

from pathlib import Path

import pytest

from stages.qa.deduplicate import exact
from stages.qa.extractive import generate
from stages.qa.prose.nouns import noun
from stages.qa.prose.phrasings import PHRASINGS, framed
from stages.qa.prose.rules import RULES
from stages.qa.verify import verify
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.records import Article, Pair
from tune_or_retrieve.text.markdown import blocks, first_title

CORPUS = Path(__file__).parent / "corpus"
NO_NAMES: frozenset[str] = frozenset()


def document(text: str, id_: str = "harbour/rent-boat", title: str = "RentBoat") -> Article:
    return Article(
        id=id_,
        title=title,
        service=id_.split("/")[0],
        service_name=id_.split("/")[0],
        kind="document",
        source="own",
        path=f"{id_}.md",
        characters=len(text),
        sha256=sha256_text(text),
    )


def asked(text: str, seeds: int = 1, title: str = "RentBoat") -> list[Pair]:
    text = f"# {title}\n\nWelcome to the harbour.\n\n{text}\n"
    row = document(text, title=title)
    return [pair for seed in range(seeds) for pair in generate([row], {row.id: text}, seed)]


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        # Limits
        ("A boat can hold at most 64 kg of fish.", "how much fish can a boat hold"),
        ("A member can rent at most 3 boats per day.", "how many boats can a member rent per day"),
        ("The name of a boat can be up to 40 characters long.", "how long can the name of a boat be"),
        ("A crate can be at most 5 GB in one call.", "how large can a crate be in one call"),
        ("The rental time can be at most 12 hours.", "how long can the rental time be"),
        ("The deposit must not exceed 300 euros.", "what is the upper limit for the deposit"),
        ("The crew must be between 1 and 9 people.", "what range is allowed for the crew"),
        # Durations
        ("A rental ends after 60 minutes by default.", "after how many minutes does a rental end by default"),
        ("A mooring that RentBoat marks expires after 2 days.", "After how many days does a mooring that RentBoat"
         " marks expire?"),
        ("A ticket is valid for 24 hours.", "how long is a ticket valid"),
        # Defaults
        ("The default colour is WHITE.", "what is the default colour"),
        ("The default crew of a boat is 5.", "what is the default crew of a boat"),
        ("The waiting period is 30 days by default.", "what is the default for the waiting period"),
        ("Access to the quay is blocked by default.", "what is the default for access to the quay"),
        ("By default, a boat is open to its owner only.", "what applies to a boat by default"),
        # Values, permissions, requirements
        ("The valid boat types are CANOE, DINGHY and BARGE.", "which boat types are valid"),
        ("A boat name can contain letters and digits only.", "what can a boat name contain"),
        ("RentBoat requires the permission harbour:RentBoat.", "Which permission does RentBoat require?"),
        ("RentBoat needs the ticket that the warden sold.", "What does RentBoat need?"),
        ("A new sailor needs a lifejacket.", "what does a new sailor need"),
        # What happens, what is returned
        ("If the boat is taken, RentBoat returns a BoatTaken error.", "Which error does RentBoat return if the boat is"
         " taken?"),
        ("When the quay is closed, RentBoat waits for up to 20 minutes before it fails.", "What does RentBoat do when"
         " the quay is closed?"),
        ("If you do not return a boat, the warden calls the police.", "what happens if I do not return a boat"),
        ("If you omit the colour, the warden paints the boat white.", "what happens if I omit the colour"),
        ("RentBoat succeeds even if the boat is old.", "What does RentBoat do if the boat is old?"),
        ("RentBoat returns the key of the boat.", "What is returned by RentBoat?"),
        ("RentBoat returns an empty list when the quay is empty.", "What does RentBoat return when the quay is empty?"),
        ("Losing an oar costs 20 euros.", "what does losing an oar cost"),
    ],
)  # fmt: skip
def test_a_sentence_is_asked_for_and_is_the_answer(sentence, question):
    pairs = asked(sentence, seeds=12)
    assert any(question.lower() in pair.question.lower() for pair in pairs)
    assert {(pair.answer, *(quote.text for quote in pair.evidence)) for pair in pairs} == {(sentence, sentence)}


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("RentBoat does not insure the crew.", "Does RentBoat insure the crew?",
         "No, RentBoat does not insure the crew."),
        ("Sailors don't wash the decks.", "do sailors wash the decks", "No, sailors don't wash the decks."),
        ("A sunk boat cannot be rented.", "can a sunk boat be rented", "No, a sunk boat cannot be rented."),
        ("The quay must not be used for parties.", "may the quay be used for parties",
         "No, the quay must not be used for parties."),
        ("A locked boat cannot be moved until its lock expires.", "can a locked boat be moved before its lock expires",
         "No, a locked boat cannot be moved until its lock expires."),
        ("Readers can still borrow a map from the warden.", "can readers still borrow a map from the warden",
         "Yes, readers can still borrow a map from the warden."),
    ],
)  # fmt: skip
def test_yes_and_no(sentence, question, answer):
    pairs = asked(sentence, seeds=12)
    assert any(question in pair.question or question == pair.question for pair in pairs)
    assert {(pair.answer, *(quote.text for quote in pair.evidence)) for pair in pairs} == {(answer, sentence)}


@pytest.mark.parametrize(
    "sentence",
    [
        "It expires after 12 hours.",
        "This boat can hold at most 64 kg of fish.",
        "For canoes, a paddle is needed. The rental time can be at most 12 hours.",  # of canoes?
        "All boats cannot leave the quay.",  # none, or not all?
        "The crew cannot board the boat for 10 minutes.",  # not for ten minutes, or not within them?
        "If the red lamp blinks, the tank is empty.",  # a sign, no consequence
        "The librarian cannot open locked drawers, nor can the guard.",
        "The old sails rot when the quay is closed.",  # do they sail? a plural with its verb
        "German boats cannot leave the quay.",  # lower case would be wrong
        "The pump and its valve that leaks can hold at most 3 litres.",
        "Most boats do not sink in a storm.",
    ],
)
def test_what_is_not_surely_understood_makes_no_question(sentence):
    assert [p.question for p in asked(sentence) if "paddle" not in p.evidence[0].text] == []


def test_a_condition_narrows_only_its_own_sentence():
    text = "If the boat is taken, RentBoat returns a BoatTaken error. The rental time can be at most 12 hours."
    assert [pair.kind for pair in asked(text)] == ["error", "limit", "two_facts"]


def test_the_first_sentence_tells_the_purpose():
    text = "# RentBoat\n\nRentBoat lends a boat to a member.\n"
    (pair,) = generate([document(text)], {"harbour/rent-boat": text}, seed=2)
    assert (pair.kind, pair.answer) == ("purpose", "RentBoat lends a boat to a member.")
    assert verify([pair], [document(text)], {"harbour/rent-boat": text}) == ([pair], [])


@pytest.mark.parametrize(
    ("words", "inside", "names"),
    [
        ("A dock", "a dock", NO_NAMES),
        ("Harbor Queue", "Harbor Queue", NO_NAMES),
        ("SendParcel", "SendParcel", NO_NAMES),
        ("FROZEN crates", "FROZEN crates", NO_NAMES),
        ("Public access to a shelf", "public access to a shelf", NO_NAMES),
        ("A link that GetCrate signs", "a link that GetCrate signs", NO_NAMES),
        ("Readers", "readers", NO_NAMES),
        ("Spanish readers", None, NO_NAMES),
        ("Paris", "Paris", frozenset({"Paris"})),  # the article writes it with a capital inside a sentence
        ("Paris", "paris", NO_NAMES),
        ("You", None, NO_NAMES),
        ("The crate it holds", None, NO_NAMES),
        ("The dock is full and the crate", None, NO_NAMES),
    ],
)
def test_noun_phrases(words, inside, names):
    assert noun(words, names) == inside


@pytest.mark.parametrize(
    ("core", "number", "question"),
    [
        ("what does SendParcel do", 0, "What does SendParcel do?"),
        ("what does SendParcel do", 2, "Quick question: what does SendParcel do?"),
        ("how long is a ticket valid", 0, "According to “SendParcel”, how long is a ticket valid?"),
        ("how long is a ticket valid", 3, "How long is a ticket valid, according to “SendParcel”?"),
    ],
)
def test_the_title_is_named_once(core, number, question):
    assert framed(core, "SendParcel", number) == question


def test_every_rule_has_its_phrasings():
    assert {rule.form for rule in RULES} <= set(PHRASINGS)


@pytest.mark.parametrize("seed", [1, 7, 23])
def test_short_articles_give_most_of_their_facts(seed):
    texts = {str(path.relative_to(CORPUS))[:-3]: path.read_text() for path in sorted(CORPUS.rglob("*.md"))}
    articles = [document(text, id_, text.split("\n")[0][2:]) for id_, text in texts.items()]
    sound, rejected = verify(list(generate(articles, texts, seed)), articles, texts)
    pool, repeated = exact(sound)
    assert [r.reason for r in rejected + repeated] == []
    assert len(pool) >= 110
    assert {"limit", "default", "valid_values", "permission", "requirement", "behaviour", "purpose", "return",
            "duration", "error", "capability"} <= {pair.kind for pair in pool}  # fmt: skip


@pytest.mark.parametrize(
    "heading", ["What is a boat?", "[Boats](boats.md)", "`boat.rent`", "Boats & <crews>", "Boats\n====="]
)
def test_a_document_gives_sound_pairs_whatever_its_title_is(heading):
    text = f"# {heading}\n\nA boat can hold at most 64 kg of fish. A boat cannot be sold until its rental ends.\n"
    if "=" in heading:
        text = text.removeprefix("# ")
    row = document(text, title=first_title(blocks(text)))
    sound, rejected = verify(generate([row], {row.id: text}, 7), [row], {row.id: text})
    assert len(sound) >= 2
    assert rejected == []


def test_what_follows_odd_fences_is_read():
    facts = "## Limits\n\nA boat can hold at most 64 kg of fish.\n"
    for code in ("```pip install boat```", "~~~\n```\n~~~", "````md\n```\n````", "- ```\n  # x\n  ```"):
        assert len(asked(f"{code}\n\n{facts}")) == 1
    assert asked(f"```\n\n{facts}") == []
