"""Names, tags and tokens follow from content, and fit every service."""

import re

import pytest

from tune_or_retrieve.providers.bedrock.aws.names import (
    are_ours,
    attempts,
    capital_pairs,
    client_token,
    pairs,
    resource_name,
    tags,
    unpaired,
    words,
)

KEY = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("what", "attempt", "expected"),
    [
        ("micro", 1, "tune-or-retrieve-micro-0123456789ab"),
        ("nova-lite", 2, "tune-or-retrieve-nova-lite-0123456789ab-2"),
        (words("Nova_Micro v1:0"), 1, "tune-or-retrieve-nova-micro-v1-0-0123456789ab"),
    ],
)
def test_names(what, attempt, expected):
    assert resource_name(what, KEY, attempt) == expected


def test_the_attempts_of_a_name_are_found_in_a_list_and_no_others():
    first = resource_name("micro", KEY)
    listed = [f"{first}-10", f"{first}-2", first, f"{first}-x", f"{first}0", f"x{first}", resource_name("lite", KEY)]
    found = attempts(first, [{"jobName": name, "status": "Failed"} for name in listed], "jobName")
    assert [(attempt, one["jobName"]) for attempt, one in found.items()] == [
        (1, first), (2, f"{first}-2"), (10, f"{first}-10"),
    ]  # fmt: skip
    assert attempts(first, [{"name": f"{first}-3"}], "name") == {3: {"name": f"{first}-3"}}
    assert attempts(first, [], "name") == {}


@pytest.mark.parametrize("what", ["Micro", "a_b", "a--b", "", "x" * 34])
def test_a_name_that_some_service_refuses_is_not_made(what):
    with pytest.raises(ValueError, match="not a name that every AWS service takes"):
        resource_name(what, KEY)


def test_tokens_are_the_same_for_the_same_content_only_and_fit():
    assert client_token("job", {"a": 1, "b": 2}) == client_token("job", {"b": 2, "a": 1})
    assert client_token("job", 1) != client_token("job", 2)
    assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9]){32,255}", client_token("job"))


def test_tags_are_found_again_in_either_kind_of_pairs():
    made = tags("fine_tune", KEY)
    assert made == {
        "tune-or-retrieve": "tune-or-retrieve",
        "tune-or-retrieve:stage": "fine_tune",
        "tune-or-retrieve:key": KEY,
    }
    assert unpaired(pairs(made)) == unpaired(capital_pairs(made)) == made
    assert are_ours(made)
    assert are_ours(made | {"team": "search"})
    assert not are_ours({"team": "search"})
