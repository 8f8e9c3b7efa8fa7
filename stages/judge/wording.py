"""Turns of phrase brought to one form before anything is read, so that one meaning has one form."""

import re

from stages.judge.notation import in_one_notation

_GIVE = r"(?:give|specify|provide|pass|set|supply|include)"
_GIVEN = r"(?:given|specified|provided|passed|set|supplied|included|present)"
_MISSING = r"(?:omitted|left\s+(?:out|empty|blank|unset)|missing|absent)"
_PART = r"[^.,;\n]{1,80}"  # of a sentence
_AND = r"(?:;|,|,?\s+(?:but|while|whereas|and))\s+(?:(?:but|while|whereas|and)\s+)?"
_AMOUNT = r"(?=\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|sixty)\b)"
_NOTHING = r"(?!more\b|less\b|fewer\b|longer\b|later\b|other\b)"  # "no more than" denies nothing
_MODAL = r"(?:can|may|must|should|could|will)"
# Verbs after which "no" denies the verb, in the form that follows a plural: "queues keep no order".
_KEEP = (
    r"accept|add|affect|allow|apply|change|charge|contain|copy|cost|create|deliver|delete|expose|get|give|hold|include|"
    r"incur|keep|log|make|need|offer|perform|produce|receive|require|reserve|retain|return|send|show|store|support|"
    r"take|throw|use|write"
)
_OTHER_THAN = r"(?:other\s+than|except(?:\s+for)?|besides|apart\s+from)"

# Negated bounds ("no more than") are bounds, not negations; "unless you say otherwise" is a default.
_PHRASES = [
    (r"[`*#]+|<[^>\n]{1,20}>", ""),
    (r"(?<=[.!?\n])(\s*)(?:yes|no),\s+", r"\1"),  # said of the sentence before; at the head of a text it is the verdict
    (r"[’‘]", "'"),
    (r"[“”]", '"'),
    # What costs nothing is free.
    (r"\bthere\s*(?:is|'s)\s+no\s+(?:extra\s+|additional\s+)?charge\s+for\s+([^,.;\n]+)", r"\1 free"),
    (r"\b(?:free\s+of\s+charge|(?:at|for)\s+no\s+(?:extra\s+|additional\s+)?(?:charge|cost)|without\s+(?:any\s+)?"
     r"(?:extra\s+|additional\s+)?charges?|for\s+(?:free|nothing)(?=\s*(?:[.,;]|$)))", "free"),
    (r"\bcosts?\s+nothing(?:\s+(?:extra|more))?\b", "is free"),
    (r"\bin\s+spite\s+of\b", "despite"),
    (r"\bafter\s+((?:[\w.,]+\s+){1,3}?)at\s+(?:the\s+)?(?:most|latest)\b"
     r"(?!\s+(?:\d|once|twice|one|two|three|four|five|six|seven|eight|nine|ten)\b)", r"within \1"),
    (r"\bnothing\s+(?:but|except|other\s+than)\b", "only"),
    (r"\bin\s+excess\s+of\b", "beyond"),
    (r"\bcan\s*not\b|\bcan't\b|\bcant\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"\b(?:cannot|must not|may not|should not|does not|do not|not)\s+(?:be\s+)?(?:exceed(?:ed|ing)?|go (?:over|beyond|above))\b",  # noqa: E501
     "is at most"),
    (r"\b(?:no|not|never|cannot)(?:\s+be)?\s+(?:more|greater|longer|larger|higher|bigger|later)\s+than\b", "at most"),
    (r"\b(?:no|not|never|cannot)(?:\s+be)?\s+(?:less|fewer|shorter|smaller|lower|earlier|sooner)\s+than\b", "at least"),
    # "may not add up to more than 4 MB": a verb may stand between the negation and the bound.
    (r"\b(?:cannot|(?:may|must|can|could|should|will|shall|do|does)\s+not)\s+(?!be\s)((?:[a-z]+\s+){1,3}?)"
     r"(?:more|greater|longer|larger|higher|bigger)\s+than\s+(?=\d)", r"\1at most "),
    (r"\b(?:cannot|(?:may|must|can|could|should|will|shall|do|does)\s+not)\s+(?!be\s)((?:[a-z]+\s+){1,3}?)"
     r"(?:less|fewer|shorter|smaller|lower)\s+than\s+(?=\d)", r"\1at least "),
    # "No item may be larger than 4 KB", "can grow, but not beyond 4 KB".
    (r"\bno\s+((?:[\w'-]+\s+){1,7}?(?:can|may|must|should|could)\s+(?:ever\s+)?(?:[a-z]+\s+){0,2}?)"
     r"(?:(?:more|greater|longer|larger|higher|bigger|later)\s+than|exceed|go\s+(?:over|beyond|above))\s+" + _AMOUNT, r"\1at most "),  # noqa: E501
    (r"\bno\s+((?:[\w'-]+\s+){1,7}?(?:can|may|must|should|could)\s+(?:ever\s+)?(?:[a-z]+\s+){0,2}?)"
     r"(?:less|fewer|shorter|smaller|lower)\s+than\s+(?=\d)", r"\1at least "),
    (r"\b(?:not|never)\s+(?:beyond|above|over|past)\s+(?=\d)", "at most "),
    (r"\b(?:not|never)\s+(?:below|under)\s+(?=\d)", "at least "),
    # What is denied of a thing is denied of the doing: "returns no data", "no guests are allowed".
    (r"(?<![^.;:,\n])(\s*(?:(?:and|but|so|while|whereas)\s+)?)no +(?!one\b|more\b|longer\b|less\b|other\b|matter\b)"
     rf"((?:(?!but\b|other\b|one\b|that\b|which\b|who\b)\w[\w'-]* +){{1,5}}?)({_MODAL}|is|are) +"
     r"(?!not\b|at\s+(?:most|least)\b)", r"\1\2\3 not "),
    (rf"\b({_MODAL}|does|do)\s+(\w+)\s+(?:no|none\s+of)\s+{_NOTHING}",
     r"\1 not \2 "),
    (rf"\b({_KEEP})s\s+(?:no|none\s+of)\s+{_NOTHING}", r"does not \1 "),
    (rf"\b({_KEEP})\s+(?:no|none\s+of)\s+{_NOTHING}", r"do not \1 "),
    (rf"\b(making|giving|having|taking|using|returning|leaving)\s+no\s+{_NOTHING}", r"not \1 "),
    (rf"\bhas\s+no\s+{_NOTHING}", "does not have "),
    (rf"\bhave\s+no\s+{_NOTHING}", "do not have "),
    # What does not exist has one form; "if it does not exist" is a condition and stays.
    (r"\b(an?|the|any)\s+([\w-]+(?:\s+[\w-]+)?)\s+(?:that|which)\s+(?:does\s+not\s+exist|is\s+not\s+there)\b", r"\1 nonexistent \2"),  # noqa: E501
    (r"\b([\w-]{1,60}s)\s+(?:that|which)\s+(?:do\s+not\s+exist|are\s+not\s+there)\b", r"nonexistent \1"),
    (r"\b([\w-]{1,60}s)\s+(?:other\s+than|(?:that|which)\s+are\s+not)\s+(?:the\s+)?default(?:\s+ones?)?\b", r"non-default \1"),  # noqa: E501
    # "Sends no message that does not match", "does not send messages that do not match": it sends only those that do.
    (r"\b(is|are)\s+not\s+(\w+)\s+(?:any\s+)?([\w-]+(?:\s+[\w-]+)?)\s+(that|which|who)\s+(?:do|does|is|are)\s+not\s+",
     r"\1 \2 only \3 \4 "),
    (r"\b(?:do|does)\s+not\s+(\w+)\s+(?:any\s+)?([\w-]+(?:\s+[\w-]+)?)\s+(that|which|who)\s+(?:do|does|is|are)\s+not\s+",
     r"\1 only \2 \3 "),
    (r"\b(?:if|when)\s+(?:you|it|they|this|that|one)\s+(?:do|does|is|are)\s+not,\s+", "otherwise "),
    (r"\bnot\s+only\b", ""),
    (r"\bwhether\s+or\s+not\b", "regardless whether"),
    # A condition that something is missing has one form: "if no key", "if you do not give a key".
    (r"(?<![^.;:\n])(\s*)(?:without|in\s+the\s+absence\s+of)\s+(?:an?\s+|any\s+|the\s+)?(?!\w+ing\b)(?=[^,.;\n]+,\s)",
     r"\1if no "),
    (r"\b(?:without|in\s+the\s+absence\s+of)\s+(?:an?|any)\s+(?=[^,.;\n]+(?:[,.;\n]|$))", "if no "),
    (rf"\b(if|when|whenever)\b([^.,;\n]{{1,60}}?)\b(is|are)\s+not\s+{_MISSING}\b",
     r"\1\2\3 given"),
    (rf"\b(if|when|whenever)\b([^.,;\n]{{1,60}}?)\b(is|are)\s+{_MISSING}\b",
     r"\1\2\3 not given"),
    (r"\b(if|when|whenever)\s+(you|one|it|the\s+\w+)\s+(?:omits?|leaves?\s+out|skips?)\b", r"\1 \2 do not give"),
    (r"\b(if|when|whenever)\s+(you|one)\s+leaves?\s+([^.,;\n]{1,60}?)\s+out\b", r"\1 \2 do not give \3"),
    (r"\b(?:unless|if)\b[^.,;\n]{0,40}\b(?:otherwise|change it|changed|overrid\w+|configured differently|another value)\b",  # noqa: E501
     "by default"),
    (r"\b(?:if|when)\s+(?:(?:none|nothing|no value)\s+(?:is|are)|(?:it|this|that|you|one)?\s*(?:is|are|do|does)?\s*not)\s+"  # noqa: E501
     rf"(?:{_GIVEN}|{_GIVE})\s*(?:it|one|a value|this)?(?=[,.;]|$)", "by default"),
    (r"\bif\s+(?:you|it|one|this|that|a value)?\s*(?:is|are|do|does)?\s*(?:specified|given|set|provided|specify|provide)"  # noqa: E501
     r"\s*(?:it|one|a value|this)?(?=[,.;]|$)", "not by default"),
    (rf"\b(?:if|when|whenever)\s+(?:an?\s+|any\s+|the\s+)?(?!(?:you|it|they)\b)([^.,;\n]{{1,60}}?)\s+(?:is|are)\s+not\s+{_GIVEN}\b",
     r"if no \1"),
    (rf"\b(?:if|when|whenever)\s+(?:you|one|it|they|the\s+\w+)\s+(?:do|does)\s+not\s+{_GIVE}\s+(?:an?\s+|any\s+|the\s+)?(?=\w)",
     "if no "),
    (r",?\s*\bexcept\s+(?:while|when|if)\b", " unless"),
    (r"(?<![.!?;:\s-]),?\s+(?:and\s+)?(?:neither|nor)\s+(?:can|may|do|does|is|are|must|will)\s+([^.,;\n]+)(?=[.,;]|$)",
     r" or \1"),
    (r"\bneither\b([^.;\n]{1,80}?)\bnor\b", r"not \1or"),
    (r"\banother\s+((?:\w+\s+){1,3}?)than\b", r"a different \1than"),
    (r"\bafter\s+at\s+most\b", "within"),
    # "Only X" has one form, too.
    (rf"\b(?:nobody|no\s+one|none|no\s+[a-z]+)\s+{_OTHER_THAN}\s+(?=\w)", "only "),
    (r"(?:\b(?:nobody|no\s+one|none)|(?:^|(?<=[.;:\n]\s))no\s+[a-z]+)\s+but\s+(?=\w)", "only "),
    (rf"\b(?:(?:all|any|every)\s+)?[a-z]+\s+{_OTHER_THAN}\s+((?:[\w-]+\s+){{1,4}}?)(?:cannot|(?:can|may|must)\s+not)\b",
     r"only \1can"),
    (r",?\s+(?:and|but)\s+(?:by\s+|to\s+|for\s+)?(?:no\s+other\s+[a-z]+|no\s+others|nobody\s+else|no\s+one\s+else)(?=[,.;]|$)",
     " only"),
    # What is instead of what: "X, not Y".
    (r"(?<![^.;:\n])(\s*)(?:instead\s+of|rather\s+than)\s+([^,.;\n]+),\s+([^.,;\n]+)", r"\1\3, not \2"),
    (r"\bno\s+longer\b|\binstead\s+of\b|\brather\s+than\b", "not"),
    (r"\b(?:do|does)\s+not\s+(\w+)\s+([^,.;\n]+),?\s+but\s+(?:rather|only|instead)\s+([^,.;\n]+)", r"\1 \3, not \2"),
    (r"\b(?:do|does)\s+not\s+(\w+)\s+(((?:the|its|an?)\s+\w+)\s+[^,.;\n]+),?\s+but\s+(\3\s+[^,.;\n]+)", r"\1 \4, not \2"),  # noqa: E501
    # What is left out of the second of two: "A does not read it; B does", "A is free, B is not".
    (rf"\b(do|does)\s+not\s+({_PART}){_AND}({_PART}?)\s+(?:do|does)(?=[.;]|$)", r"\1 not \2; \3 \2"),
    (rf"\b(is|are|can)\s+not\s+({_PART}){_AND}({_PART}?)\s+(is|are|can)(?=[.;]|$)", r"\1 not \2; \3 \4 \2"),
    (rf"\b(is|are|can)\s+(?!not\b)({_PART}){_AND}({_PART}?)\s+(is|are|can)\s+not(?=[.;]|$)", r"\1 \2; \3 \4 not \2"),
    (r"\b(turn|switch)(?:ed|es|s|ing)?\s+((?:[\w-]+\s+){0,3}?)off\b", r"disable \2"),
    (r"\b(turn|switch)(?:ed|es|s|ing)?\s+((?:[\w-]+\s+){0,3}?)on\b", r"enable \2"),
    (r"\b(is|are|was)\s+off\b", r"\1 disabled"),
    (r"\b(is|are|was)\s+on(?=[,.;]|$)", r"\1 enabled"),
    (r"\bat\s+once\b|\bstraight\s+away\b|\bright\s+away\b|\bon\s+the\s+spot\b", "immediately"),
    (r"\ba\s+quarter\s+of\s+an\s+hour\b", "15 minutes"),
    (r"\b(?:every|each)\s+(?=(?:minute|hour|day|week|month)\b)", "every 1 "),
    (r"\bfor\s+good\b", "permanently"),
    (r"\b(?:is|are)\s+over(?=[,.;]|$|\s+(?:you|it|they)\b)", "ends"),
    (r"\b(?:is|are)\s+(?:left|remains?)\s+(?:in\s+place|alone|untouched|as\s+\w+\s+(?:is|are))\b", "is kept"),
    (r"\b(?:do|does)\s+not\s+count(?=[,.;]|$|\s+(?:towards?|in|for)\b)(?:\s+(?:towards?|in|for)\b)?", "is not included in"),  # noqa: E501
    (r"\bcounts?\s+towards?\b|(?<!the )(?<!of )\bcounts(?=[.;,]|$)", "is included in"),
    (r"\bby\s+default,?\s+there\s+(?:is|are)\s+no\s+([\w-]+(?:\s+[\w-]+)?)(?=[,.;]|$)", r"\1 are disabled by default"),
    (r"\bthere\s+(?:is|are)\s+no\s+([\w-]+(?:\s+[\w-]+)?)\s+by\s+default\b", r"\1 are disabled by default"),
    (r"\b(?:do|does|is|are)\s+not\s+(\w+)\s+([^,.;\n]{0,40}?)\b(in|at|for|by)\s+any\s+(particular|specific|given|certain)\b",
     r"\1 \2\3 no \4"),
    (r"\b(?:as|so)\s+long\s+as\b(?=\s+(?:you|it|they|the|this|that|there|its|no)\b)", "if"),
    (r"\bprovid(?:ed|ing)\s+that\b|(?<=,\s)provided(?=\s+(?:you|it|they|the|this|there|no)\b)", "if"),
    (r"\bno\s+other\s+([a-z]+)\s+than\s+", "only "),
    (r"\bonly\s+once\s+(?=(?:it|its|they|their|the|you|an?|all)\b[^.,;\n]*\b(?:is|are|has|have)\b)", "only after "),
    (r"\b([\w-]{1,60}s)\s+(?:that|which)\s+(?:do|does)\s+not\s+([^,.;\n]+?)\s+(?:is|are)\s+not\s+(?:allowed|permitted|possible|accepted|supported|valid)\b",
     r"\1 must \2"),
    (r"\ball[\s-]or[\s-](?:nothing|none)\b", "atomic"),
    (r"(?<=[.;,]\s)without\s+(?:that|this|it)\b,?", "otherwise"),
    (r"\btim(?:e|es|ed|ing)\s+out\b", "timeouts"),
    (r"\bshort-lived\b|\bshort-term\b", "temporary"),
    (r"\bmust\s+not\s+have\b(?!\s+(?:\w+ed|been|had|taken|done|gone)\b)", "not requires"),
    (r"\bhas\s+to\b|\bhave\s+to\b|\bmust\s+have\b", "requires"),
    (r"\b(?:do|does)\s+not\s+requires\b|\b(?:is|are)\s+not\s+required\s+to\b|\b(?:do|does)\s+not\s+need\s+to\b",
     "need not"),
    (r"\bmakes?\s+sure\b", "ensures"),
    (r"\bget(?:s|ting)?\s+rid\s+of\b", "deletes"),
    (r"\btak(?:es?|ing)\s+precedence\s+over\b|\bhas\s+priority\s+over\b|\bprevails?\s+over\b|\bwins?\s+over\b", "overrides"),  # noqa: E501
    (r"\bis\s+made\s+up\s+of\b|\bconsists?\s+of\b", "contains"),
    (r"\b(?:one|a single|exactly one)\s+time\b", "once"),
    (r"\b(?:every|each)\s+(?:single\s+)?one\s+of\b", "all of"),
    (r"\bexactly\s+once\b", "exactlyonce"),
    (r"\bat\s+least\s+once\b|\b(?:once|one)\s+or\s+more(?:\s+times)?\b|\bmore\s+than\s+once\b", "atleastonce"),
    (r"\bat\s+most\s+once\b|\bup\s+to\s+once\b", "atmostonce"),
    (r"\b(?:a|one)\s+(?=thousand|hundred|million|dozen)", ""),
]  # fmt: skip
_PHRASES_RE = [(re.compile(p, re.IGNORECASE), new) for p, new in _PHRASES]


def normalise(text: str) -> str:
    # First: patterns try every split of a run of blanks.
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text))
    text = in_one_notation(text)
    for pattern, new in _PHRASES_RE:
        text = pattern.sub(new, text)
    return re.sub(r" +", " ", text).strip()
