"""Training samples as Nova reads them: JSONL of bedrock-conversation-2024, by AWS's documented rules."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat import prompts

SCHEMA = "bedrock-conversation-2024"
MINIMUM, MAXIMUM = {"train": 8, "validation": 1}, 20_000  # samples of one job, as documented for Nova

# What AWS's validator rejects anywhere in a text, as it takes them for the marks between turns.
SPEAKERS = ("System", "SYSTEM", "User", "USER", "Bot", "BOT", "Assistant", "ASSISTANT", "Thought", "THOUGHT")
MARKS = ("[EOS]", "<image>", "<video>")
_SPEAKER = re.compile(rf"({'|'.join(SPEAKERS)}):")
_LABEL = re.compile(rf"({'|'.join(SPEAKERS)}):(?=\s|$)")  # a label, and not part of an identifier

Sample = tuple[str, Sequence[prompts.HasHeading], str]  # question, passages (none: a bare sample), answer
Row = dict[str, Any]


@dataclass(frozen=True)
class Conversations:
    rows: list[Row] = field(default_factory=list)
    with_passages: int = 0  # of the rows
    repaired: int = 0  # of the rows
    # Why, for each sample that AWS would reject and that cannot be repaired without changing what it says.
    rejected: list[str] = field(default_factory=list)

    @property
    def reasons(self) -> dict[str, int]:
        """How many samples were rejected for each reason, the most frequent first."""
        return dict(Counter(self.rejected).most_common())


def conversations(samples: Iterable[Sample]) -> Conversations:
    """One row for each sample that AWS accepts, in the order given; the prompts are those of answering.

    A speaker's label (``User: ...``) becomes ``User - ...``, in passages as well. A sample is rejected if it holds one
    inside an identifier (``iam:User:name``), a mark such as ``<image>``, or a blank text.

    Raises:
        StageError: the system prompt itself breaks a rule.
    """
    system = prompts.system_prompt()
    if reason := _text_fault(system):
        raise StageError(
            f"tune_or_retrieve/chat/prompts/system.txt: {reason}: Nova's fine-tuning rejects every sample with it. "
            "Reword it."
        )
    rows, rejected = [], []
    with_passages = repaired = 0
    for question, passages, answer in samples:
        said = [prompts.user_prompt(question, passages), answer]
        texts = [_LABEL.sub(r"\1 -", text) for text in said]
        reason = "the question is blank" if not question.strip() else None
        if reason := reason or next(filter(None, map(_text_fault, texts)), None):
            rejected.append(reason)
            continue
        rows.append(_row(system, *texts))
        repaired += texts != said
        with_passages += bool(passages)
    return Conversations(rows, with_passages, repaired, rejected)


def check_number(found: Conversations, split: str) -> None:
    """Compare the number of rows of a split, "train" or "validation", with AWS's limits, before AWS does.

    Raises:
        StageError: too few or too many.
    """
    low, rows, rejected = MINIMUM[split], found.rows, found.rejected
    if not low <= len(rows) <= MAXIMUM:
        lost = f" {len(rejected)} more were rejected, the first because {rejected[0]}." if rejected else ""
        remedy = "Raise qa.pairs or give a larger corpus" if len(rows) < low else "Lower qa.pairs"
        raise StageError(
            f"fine-tuning on Bedrock: the {split} samples must be {low} to {MAXIMUM}. Got {len(rows)}.{lost} {remedy}."
        )


def jsonl(rows: Iterable[Row]) -> bytes:
    """The file that is uploaded; equal rows give equal bytes, so its sha256 identifies the data."""
    # All of it ASCII: a reader may take a line separator (U+2028) inside a text for the end of a line.
    return "".join(json.dumps(row) + "\n" for row in rows).encode("ascii")


def _row(system: str, user: str, assistant: str) -> Row:
    turns = (("user", user), ("assistant", assistant))
    return {
        "schemaVersion": SCHEMA,
        "system": [{"text": system}],
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in turns],
    }


def _text_fault(text: str) -> str | None:
    if not text.strip():
        return "a text is blank"
    if found := _SPEAKER.search(text):
        return f"a text holds {found[0]!r}, which AWS takes for a speaker's mark"
    if mark := next((mark for mark in MARKS if mark in text), None):
        return f"a text holds {mark!r}, which AWS takes for a mark of its own"
    return None
