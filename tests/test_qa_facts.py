"""What the extractive generator reads out of an article, and what it leaves alone."""

import pytest

from stages.qa.extractive import generate
from stages.qa.prose import writer as prose
from stages.qa.reference import writer as reference
from stages.qa.reference.phrasings import PHRASINGS
from stages.qa.shared.grammar import first_person
from stages.qa.shared.subject import resolve, subject_of
from stages.qa.verify import verify
from tune_or_retrieve.base.records import Article


def article(text: str, title: str = "RentBoat (Harbour)", kind: str = "operation") -> Article:
    return Article(
        id="harbour/rent-boat",
        title=title,
        service="harbour",
        service_name="Harbour",
        kind=kind,
        source="own",
        path="harbour/rent-boat.md",
        characters=len(text),
        sha256="0" * 64,
    )


def told(text: str, kind: str = "operation", title: str = "RentBoat (Harbour)") -> dict[str, str]:
    """Answers by form of fact."""
    row = article(text, title, kind)
    if kind == "document":
        sheet = prose.facts(row, text)
    else:
        sheet = reference.facts(row, text, frozenset({"RentBoat", "ReturnBoat"}))
    return {fact.form: fact.answer for fact in sheet.facts}


def operation(description: str = "", parameter: str = "", errors: str = "", response: str = "") -> str:
    return (
        f"# RentBoat (Harbour)\n\n## Description\n\n{description}\n\n## Request parameters\n\n### Colour\n\n"
        f"{parameter}\n\n## Response elements\n\n{response}\n\n## Errors\n\n{errors}\n"
    )


@pytest.mark.parametrize(
    ("parts", "form", "answer"),
    [
        (
            {"description": "Rents a boat of the harbour to the caller."},
            None,
            None,  # "rents" is no verb that it knows: refused, not guessed
        ),
        (
            {"description": "Assigns a free boat of the harbour to the caller."},
            "purpose",
            "The RentBoat operation of Harbour assigns a free boat of the harbour to the caller.",
        ),
        (
            {"description": "Assigns a free boat of the harbour to the caller."},
            "howto.operation",
            "Call the RentBoat operation of Harbour, which assigns a free boat of the harbour to the caller.",
        ),
        (
            {"description": "You can keep up to 3 boats per mooring."},
            "limit.many",
            "You can keep up to 3 boats per mooring.",
        ),
        (
            {"description": "The maximum rental period for a boat is 12 hours."},
            "limit.what",
            "The maximum rental period for a boat is 12 hours.",
        ),
        (
            {"description": "You cannot use this operation to rent a boat of another harbour."},
            "capability.no",
            "No, you cannot use the RentBoat operation to rent a boat of another harbour.",
        ),
        (
            {"description": "To bring the boat back, use ReturnBoat."},
            "howto.other",
            "To bring the boat back, use ReturnBoat.",
        ),
        (
            {"description": "To use this operation, you must have the `harbour:RentBoat` permission."},
            "permission",
            "To call RentBoat (Harbour), you must have the harbour:RentBoat permission.",
        ),
        (
            {"description": "If you omit the colour, the harbour gives you a white boat."},
            "behaviour.happens",
            "If you omit the colour, the harbour gives you a white boat.",
        ),
        (
            {"parameter": "`Colour` is a required string of 3 to 10 characters."},
            "limit.length",
            "The Colour parameter of RentBoat (Harbour) must be 3 to 10 characters long.",
        ),
        (
            {"parameter": "`Colour` is a required string of 3 to 10 characters."},
            "required",
            "The Colour parameter of RentBoat (Harbour) is required; it is a string.",
        ),
        (
            {"parameter": "`Colour` is an optional integer from 1 to 12."},
            "limit.range",
            "The Colour parameter of RentBoat (Harbour) must be between 1 and 12.",
        ),
        (
            {"parameter": "`Colour` is an optional string. The valid values of `Colour` are `RED`, and `BLUE`."},
            "valid_values",
            "The valid values of the Colour parameter of RentBoat (Harbour) are RED, and BLUE.",
        ),
        (
            {"parameter": "`Colour` is an optional string.\n\nThe paint of the boat. The default is `RED`."},
            "default.parameter",
            "The default value of the Colour parameter of RentBoat (Harbour) is RED.",
        ),
        (
            {"parameter": "`Colour` is an optional string.\n\nThe paint on the hull that the renter sees first."},
            "parameter",
            "The Colour parameter of RentBoat (Harbour) specifies the paint on the hull that the renter sees first.",
        ),
        (
            {"parameter": "`Colour` is an optional string.\n\nIf not specified, the harbour chooses at random."},
            "behaviour.without",
            "If the Colour parameter is not specified, the harbour chooses at random.",
        ),
        (
            {"description": "Before you can rent a second boat, you must return the first boat."},
            "behaviour.before",
            "Before you can rent a second boat, you must return the first boat.",
        ),
        (
            {"description": "You must return the first boat before you rent a second boat."},
            "behaviour.before",
            "You must return the first boat before you rent a second boat.",
        ),
        (
            {"parameter": "`Colour` is an optional string.\n\nYou can't change the colour after the boat has left."},
            "capability.no",
            "No, you can't change the colour after the boat has left.",
        ),
        (
            {"parameter": "`Colour` is a required string of 3 to 10 characters."},
            "required.all",
            "The Colour parameter of RentBoat (Harbour) is required.",
        ),
        (
            {
                "parameter": "`Colour` is an optional string. The valid values of `Colour` are `RED` and `BLUE`.\n\n"
                "- `BLUE` (default) – The hull is painted with two coats."
            },
            "valid_values.means",
            "With the BLUE value of the Colour parameter of RentBoat (Harbour), the hull is painted with two coats.",
        ),
        (
            {"errors": "- `TooMany`: There is no limit to the boats that can be rented."},
            None,
            None,
        ),
        (
            {"errors": "- `BoatTaken`: The request was rejected because it asked for a boat that is at sea."},
            None,
            None,
        ),
        (
            {"errors": "- `BoatTaken`: The specified boat is at sea already."},
            "error.which",
            "RentBoat (Harbour) returns BoatTaken if the specified boat is at sea already.",
        ),
        (
            {"response": "- `Boat` (string): The name that the last renter painted on the stern."},
            "return",
            "The Boat element in the response of RentBoat (Harbour) contains the name that the last renter painted on "
            "the stern.",
        ),
    ],
)
def test_facts_of_an_operation(parts, form, answer):
    found = told(operation(**parts))
    assert (found if form is None else found.get(form)) == ({} if form is None else answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "If you omit this, the harbour chooses at random.",  # this?
        "If so, the harbour gives you a white boat.",
        "You can do one of the following:",
        "Represents the boat of the caller.",  # says what a response is, not what the operation does
        "You can rent them again as described below.",
        "To bring it back, use ReturnBoat.",
        "To bring the boat back, use ReturnBoat. Then pay at the quay.",  # the answer would be half of it
        "For canoes, a deposit is due. If you omit the colour, the harbour gives you a white boat.",
        "A boat may be red, blue, or white.",
        "If the boat, oar, or paddle is lost, you pay for it.",
    ],
)
def test_what_leans_on_other_text_makes_no_fact(sentence):
    assert told(operation(description=sentence)) == {}


def test_items_of_a_list_with_a_lead_in_make_no_fact():
    listed = "In winter the following holds:\n\n* If you omit the colour, the harbour gives you a white boat.\n"
    assert told(operation(description=listed)) == {}


def test_prose_without_structure_is_read_too():
    text = (
        "# House rules\n\nA quay warden is the person that hands out the keys of the boats.\n\n"
        "Each member can borrow up to 2 boats per day. If a boat is damaged, the warden informs the owner.\n"
    )
    assert told(text, kind="document", title="House rules") == {
        "definition": "A quay warden is the person that hands out the keys of the boats.",
        "limit.many": "Each member can borrow up to 2 boats per day.",
        "behaviour.document": "If a boat is damaged, the warden informs the owner.",
    }


def test_pairs_carry_verbatim_evidence_and_name_their_subject():
    text = operation(description="You can keep up to 3 boats per mooring.")
    (pair,) = generate([article(text)], {"harbour/rent-boat": text}, seed=1)
    (quote,) = pair.evidence
    assert text[quote.start : quote.end] == quote.text == "You can keep up to 3 boats per mooring."
    assert "RentBoat" in pair.question
    assert "Harbour" in pair.question
    assert (pair.kind, pair.service) == ("limit", "harbour")


def test_the_seed_chooses_the_phrasing():
    text = operation(description="You can keep up to 3 boats per mooring.")
    questions = {
        pair.question for seed in range(40) for pair in generate([article(text)], {"harbour/rent-boat": text}, seed)
    }
    assert {q for q in questions if q.endswith("how many boats can I keep per mooring?")}
    assert len(questions) > 6


def test_large_kinds_have_at_least_four_phrasings():
    large = ("purpose", "limit", "default", "valid_values", "parameter", "required", "error", "permission", "behaviour")
    for kind in large:
        assert sum(len(p) for form, p in PHRASINGS.items() if form.partition(".")[0] == kind) >= 4, kind


@pytest.mark.parametrize(
    ("words", "resolved"),
    [
        ("This setting is optional.", "The Colour parameter is optional."),
        ("A value higher than this setting fails.", "A value higher than this setting fails."),  # another setting
    ],
)
def test_what_this_setting_is(words, resolved):
    assert resolve(words, subject_of(article("")), "Colour") == resolved


@pytest.mark.parametrize(
    ("clause", "mine"),
    [
        ("you omit your key", "I omit my key"),
        ("the key that you are using", "the key that I am using"),
        ("the service sends a code to you", "the service sends a code to me"),
        ("the service charges you", None),  # an object, and "charges I" would be wrong
        ("the service asks you for a code", None),
    ],
)
def test_first_person(clause, mine):
    assert first_person(clause) == mine


def test_a_reason_that_holds_for_all_is_no_condition():
    assert told(operation(errors="- `NoBoat`: The request was rejected because boats are fragile things.")) == {}
    taken = told(operation(errors="- `NoBoat`: The request was rejected because the boat is at sea already."))
    assert taken["error.when"] == "RentBoat (Harbour) returns NoBoat if the boat is at sea already."


def test_a_term_is_asked_for_without_the_operation():
    text = operation(description="A mooring is a place at the quay where a boat can be tied up.")
    (pair,) = generate([article(text)], {"harbour/rent-boat": text}, seed=3)
    assert "a mooring" in pair.question
    assert verify([pair], [article(text)], {"harbour/rent-boat": text}) == ([pair], [])
