"""How questions about an ordinary document's sentences are put.

Each is the core of a question, without its capital and its mark: `framed` adds the title of the document where the
core does not name it. {s} is the subject of the sentence as a noun phrase, {v} its verb in the base form.
"""

import re

from stages.qa.shared.fact_sheet import Fact
from stages.qa.shared.grammar import upper_first

PHRASINGS: dict[str, tuple[str, ...]] = {
    "purpose.document": ("what is {s} used for", "what is the purpose of {s}", "what can I use {s} for"),
    "definition.is": ("what is {s}", "how is {s} defined"),
    "return.document": ("what is returned by {s}", "what do I get back from {s}"),
    "return.when": ("what does {s} return {rest}",),
    "error.document": ("which error does {s} return {rest}", "with which error does {s} respond {rest}"),
    "permission.document": (
        "which permission does {s} require",
        "what permission do I need for {s}",
        "which permission is needed to use {s}",
        "what permission must I have before I can use {s}",
    ),
    "requirement.needs": ("what does {s} {v}",),
    "requirement.not": ("may {s} be {rest}",),
    "limit.long": ("how {adj} can {s} be{rest}", "how {adj} can {s} be at most{rest}"),
    "limit.range": ("what range is allowed for {s}", "between which limits must {s} lie"),
    "limit.exceed": ("what is the upper limit for {s}", "which limit must {s} not exceed"),
    "limit.much": ("how much {mass} can {s} {v}{rest}", "what is the largest amount of {mass} that {s} can {v}{rest}"),
    "duration.after": ("after how many {unit} does {s} {v}{adv}{rest}", "after what time does {s} {v}{adv}{rest}"),
    "duration.valid": ("how long is {s} {adj}", "for how long is {s} {adj}"),
    "default.is": ("what is the default {what}", "which {what} is the default", "what {what} applies by default"),
    "default.state": ("what is the default for {s}", "what applies to {s} by default"),
    "valid_values.document": ("which {what} are {valid}", "what are the {valid} {what}", "what {what} are {valid}"),
    "valid_values.contain": ("what can {s} {v}", "what may {s} {v}"),
    "behaviour.document": ("what happens {condition}",),
    "behaviour.does": ("what does {s} do {rest}",),
    "behaviour.not": ("{do_} {s} {rest}",),
    "behaviour.is_not": ("{is_} {s} {rest}",),
    "behaviour.cost": ("what does {s} cost",),
    "capability.can": ("can {s} {rest}",),
    "capability.cannot": ("can {s} {rest}",),
    # Facts that the writer of reference finds too, here with the frame of a document
    "behaviour.what": ("what {is_what} {condition}",),
    "behaviour.must": ("what must I do {condition}", "what do I have to do {condition}"),
    "behaviour.should": ("what should I do {condition}", "what do I do {condition}"),
    "capability.yes": ("can I {do}", "is it possible to {do}"),
    "capability.no": ("can I {do}", "is it possible to {do}"),
    "howto.use": ("how do I {do}", "how can I {do}"),
    "definition": ("what is {term}",),
    "limit.many": ("how many {unit} {can} {rest}", "how many {unit} at most {can} {rest}"),
    "limit.what": ("what {is_} {what}",),
    "requirement": ("what must {noun} {verb}",),
}


LONG_FRAMES = (
    "According to “{title}”, {core}?",
    "I have a question about “{title}”: {core}?",
    "I am reading “{title}”. {Core}?",
)
FRAMES = (*LONG_FRAMES, "{Core}, according to “{title}”?", "In “{title}”, {core}?")
NAMED_FRAMES = ("{Core}?", "I would like to know: {core}?", "Quick question: {core}?")


def core(fact: Fact, number: int) -> str:
    """The question for a fact, without its capital and its mark."""
    cores = PHRASINGS[fact.form]
    return cores[number % len(cores)].format(**fact.slots)


def question(fact: Fact, title: str, number: int) -> tuple[str, str]:
    """The question for a fact, and the name of its phrasing, "limit.long/2"."""
    chosen = number % len(PHRASINGS[fact.form])
    return framed(core(fact, number), title, number // 83), f"{fact.form}/{chosen + 1}"


def framed(core: str, title: str, number: int) -> str:
    """The core of a question as a question that says which document it is about."""
    named = re.search(rf"(?<!\w){re.escape(title)}(?!\w)", core)
    long = len(core.split()) > 14 or ", " in core
    frames = NAMED_FRAMES if named else LONG_FRAMES if long else FRAMES
    return frames[number % len(frames)].format(core=core, Core=upper_first(core), title=title)
