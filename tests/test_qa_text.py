"""Sentences, what they document, and plain words."""

import pytest

from stages.qa.shared.blocks import Sentence, plain
from stages.qa.shared.reading import Entry, statements

OPERATION = """# RentBoat (Harbour)

## Description

Rents a boat to the caller. **Note** that oars (two, e.g. of ash) come with it. It takes 5 minutes.

For canoes, a paddle is needed. You cannot rent it twice.

## Request parameters

### Tags

`Tags` is an optional list of structures.

#### Key

`Key` in `Tags` is a required string of 1 to 128 characters. `Key` must match the pattern `^a. B$`.

The name of the tag.

## Response elements

- `Boat` (structure): The boat.

  - `Name` (string of 1 to 9 characters): The name on its bow.

## Errors

- `NoBoat`: There is no boat left.

  * A boat may come back.
"""


def sentences(text: str) -> list[Sentence]:
    return [statement.sentence for statement in statements(text, is_operation=True)]


def test_sentences_are_verbatim_and_in_order():
    found = sentences(OPERATION)
    assert [OPERATION[s.start : s.end] for s in found] == [s.text for s in found]
    assert [s.text for s in found][:3] == [
        "Rents a boat to the caller.",
        "**Note** that oars (two, e.g. of ash) come with it.",
        "It takes 5 minutes.",
    ]


def test_a_full_stop_in_code_ends_no_sentence():
    assert "`Key` must match the pattern `^a. B$`." in [s.text for s in sentences(OPERATION)]


def test_wrapped_prose_is_one_sentence():
    text = "Boats are\nrented by the hour. Pay\nat the quay.\n"
    assert [plain(s.text) for s in sentences(text)] == ["Boats are rented by the hour.", "Pay at the quay."]


def test_a_sentence_knows_the_entry_it_documents():
    entries = {s.sentence.text: s.entry for s in statements(OPERATION, is_operation=True)}
    assert entries["Rents a boat to the caller."] == Entry("description")
    assert entries["The name of the tag."] == Entry("parameter", "Key", ("Tags",))
    assert entries["The name of the tag."].full_name == "Tags.Key"
    assert entries["The name on its bow."] == Entry("response", "Name", ("Boat",))
    assert entries["There is no boat left."] == Entry("error", "NoBoat")


def test_a_sentence_behind_a_narrowing_one_is_marked():
    narrowed = [s.sentence.text for s in statements(OPERATION, is_operation=True) if s.narrowed]
    assert narrowed == ["You cannot rent it twice."]


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("See **[the quay](https://example.org/quay)**.", "See the quay."),
        ("Use `a_b` and *c*\nnow.", "Use a_b and c now."),
        (r"A pattern `[\d]+` and a \_b\_.", r"A pattern [\d]+ and a _b_."),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_plain(markdown, words):
    assert plain(markdown) == words
