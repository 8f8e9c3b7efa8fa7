"""The little English that question writing needs: verb forms, persons, references, and what a sentence is.

Everything here errs on the side of refusing: a sentence that is not surely understood makes no question.
"""

import re

NUMBER = r"(?:\d[\d,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve|thirty|sixty|ninety|a hundred)"
IRREGULAR = {"has": "have", "is": "be", "does": "do", "goes": "go", "caches": "cache", "undoes": "undo"}
# Third person forms that open descriptions in technical documentation, and those that would be taken for plurals.
VERBS = frozenset(
    """abandons accepts acknowledges activates adds allows applies assigns associates attaches builds calls cancels
    causes changes checks commits completes configures confirms connects contains controls converts copies creates
    deactivates decodes decreases decrypts defines deletes delivers deprecates deregisters derives describes detaches
    determines disables disassociates disconnects discovers displays edits enables encrypts ends ensures exchanges
    exports fetches filters finds generates gets gives grants identifies imports includes increases indicates informs
    initiates inserts invalidates invokes issues joins keeps launches leaves limits links lists locks looks makes marks
    merges modifies moves notifies opens overrides overwrites pauses performs permits places prevents previews
    processes promotes propagates provides publishes puts queries reads rebuilds receives records recovers redrives
    registers rejects releases removes renames renews replaces replicates reports represents requests resets restarts
    restores restricts resumes retires retrieves returns reverts reviews revokes rotates runs saves scans schedules
    searches selects sends sets shows signs simulates skips specifies splits starts stores stops streams submits
    subscribes suspends synchronizes tags takes tells tests tracks transfers transforms transitions triggers turns
    unlinks unlocks unsubscribes untags updates upgrades uploads uses validates verifies wraps writes""".split()  # noqa: SIM905
)
BASE_VERBS = frozenset(
    """add allow apply associate attach avoid be call change check choose configure consider contact create delete
    do don't ensure enter follow include increase keep leave limit make monitor note omit pass perform provide put read
    reduce refer remember remove repeat replace request restart retry review run see select send set specify start stop
    submit supply try turn update use verify wait write""".split()  # noqa: SIM905
)
FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|cannot|can't|could|must|may|might|will|would|should|shall|does|do|did|isn't"
    r"|aren't|wasn't|weren't|hasn't|haven't|doesn't|don't|didn't|won't|couldn't|failed|exceeded|applies|exists|occurs"
    r"|determines|specifies|depends|requires|uses|returns|contains|supports|fails|remains|allows|becomes|happens|means"
    r"|exceeds|conflicts|violates|needs|lacks|matches)\b"
)
# What opens a clause inside a noun phrase: "the key that is …", "the bucket you are …".
RELATIVE = re.compile(r"\b(?:that|which|who|whose|whom|where|when|whether|if|how|why|what|you|after|before|because)\b")
# Words whose meaning lies in another sentence.
POINTERS = re.compile(
    r"\b(?:this|these|those|above|below|following|previous|previously|preceding|aforementioned|former|latter|here|there"
    r"|instead|otherwise|therefore|however|thus|hence|likewise|additionally|furthermore|conversely|similarly|namely"
    r"|earlier|later|such|so|e\.g|i\.e|etc|respectively|example|examples|note|see|refer|table|figure|section|topic"
    r"|guide|page|documentation|in turn|in addition|as follows|step|steps|both|neither|either one)\b",
    re.IGNORECASE,
)
PRONOUNS = re.compile(r"\b(?:it|its|they|them|their|he|she|his|her|one|ones|others)\b", re.IGNORECASE)
HARMLESS = re.compile(
    r"\b(?:there (?:is|are|was|were)|so that|such as|no later than|later than|at least one|one or more|one of the"
    r"|only one|one at a time|more than one|at one time|exactly one|one minute|one hour|one day|one time"
    r"|both [^,.]{2,60} and|earlier than|for example, [^.]*)\b",
    re.IGNORECASE,
)


def base_form(verb: str) -> str:
    """ "creates" to "create"."""
    lower = verb.lower()
    if lower in IRREGULAR:
        return IRREGULAR[lower]
    if lower.endswith("ies"):
        return lower[:-3] + "y"
    if lower.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return lower[:-2]
    return lower[:-1] if lower.endswith("s") else lower


def is_third_person(word: str) -> bool:
    return word.lower() in VERBS


def lower_first(sentence: str) -> str:
    """The sentence as a clause: its first letter in lower case, unless it has capitals within."""
    first = re.match(r"[\w'-]+", sentence)
    if not first or not re.fullmatch(r"[A-Z][a-z'-]*", first[0]):
        return sentence
    return sentence[0].lower() + sentence[1:]


def upper_first(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


# "you" that is likely an object: no verb comes behind it. After some words it surely is one, see `first_person`.
OBJECT_YOU = re.compile(
    r"(?<!\bto)(?<!\bfor)(?<!\bwith)(?<!\bby)(?<!\bfrom)(?<!\bgive)(?<!\bgives)(?<!\blet)(?<!\blets)(?<!\ballow)"
    r"(?<!\ballows)(?<!\benable)(?<!\benables)(?<!\bhelp)(?<!\bhelps)"
    r" you(?= (?:to|for|with|from|by|in|on|at|of|about|that|the|an?|your|any|and|or)\b|[,.;]|$)"
)


def first_person(clause: str) -> str | None:
    """ "your bucket that you own" to "my bucket that I own"; None where the object form is not sure."""
    if re.search(r"\b(?:yourself|yourselves|yours)\b", clause, re.IGNORECASE) or OBJECT_YOU.search(clause):
        return None
    clause = re.sub(r"\byou're\b", "I'm", clause)
    clause = re.sub(r"\byou've\b", "I've", clause)
    clause = re.sub(r"\byou are\b", "I am", clause)
    clause = re.sub(
        r"\b(to|for|with|by|from|give|gives|let|lets|allow|allows|enable|enables|help|helps) you\b", r"\1 me", clause
    )
    clause = re.sub(r"\byou\b", "I", clause)
    return re.sub(r"\byour\b", "my", clause)


def has_pointer(clause: str) -> bool:
    """Does a clause lean on another sentence: "this", "the following", "see …"?"""
    return POINTERS.search(HARMLESS.sub(" ", clause)) is not None


def has_pronoun(clause: str) -> bool:
    return PRONOUNS.search(HARMLESS.sub(" ", clause)) is not None


def is_noun_phrase(words: str) -> bool:
    """Is a fragment such as "The name of the bucket that you own" without a main verb of its own?"""
    if not re.match(r"(?:The|A|An|One or more|Any)\b", words) or ";" in words or ":" in words:
        return False
    if re.search(r"\b(?:must|should|shall|cannot|can't)\b", words):
        return False
    # "The policy controls the action.": a verb of the list before its object, with nothing relative before it.
    for verb in re.finditer(r"\b([a-z]+s) (?:the|a|an|your|how|whether|which|all|any)\b", words):
        if is_third_person(verb[1]) and not RELATIVE.search(words[: verb.start()]):
            return False
    finite = [match.start() for match in FINITE.finditer(words)]
    relative = [match.start() for match in RELATIVE.finditer(words)]
    if not finite:
        return True
    return bool(relative) and relative[0] < finite[0] and len(finite) <= len(relative)


def is_clause(words: str) -> bool:
    """Is it surely a sentence with subject and finite verb, the verb in its main clause?"""
    if not re.match(r"(?:The|A|An|You|Your|One or more|No|There|Another|Too many)\b", words):
        return False
    finite = FINITE.search(words)
    if not finite:
        return False
    relative = RELATIVE.search(words[2:] if words.startswith("You") else words)
    return relative is None or relative.start() > finite.start() or words.startswith("You")


def is_statement(words: str, least: int = 5) -> bool:
    """Is it a whole sentence, of at least so many words and not too long for an answer?"""
    return words.endswith(".") and least <= word_count(words) <= 45


def word_count(words: str) -> int:
    return len(words.split())
