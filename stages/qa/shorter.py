"""The answer of a fact where the sentence before it has named the subject."""

from stages.qa.facts import Fact
from stages.qa.grammar import upper_first
from stages.qa.subject import Subject

# What a parameter is called the second time.
AGAIN = {"limit.items": "The list", "limit": "The value"}


def shorter(fact: Fact, subject: Subject) -> str:
    """ "The default value of the Colour parameter of RentBoat (Harbour) is RED." to "The default value is RED."."""
    answer = fact.answer
    for opening in ("Yes, ", "No, "):
        answer = upper_first(answer.removeprefix(opening))
    parameter = fact.slots.get("parameter")
    if parameter and fact.form != "behaviour.without":
        owner = f"{parameter} parameter of {subject.answer}"
        again = AGAIN.get(fact.form) or AGAIN.get(fact.form.partition(".")[0], "The parameter")
        answer = answer.replace(f" of the {owner}", "")
        if answer.startswith(f"The {owner}"):
            answer = again + answer.removeprefix(f"The {owner}")
        return answer.partition("; it is ")[0] + "." if fact.form == "required" else answer
    answer = answer.replace(f"The {subject.name} operation of {subject.service} ", f"{subject.name} ")
    return answer.replace(subject.answer, subject.name)
