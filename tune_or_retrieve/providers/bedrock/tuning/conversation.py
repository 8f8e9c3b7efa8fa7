"""Training samples as Nova reads them: JSONL of bedrock-conversation-2024, held to AWS's documented rules."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import Pair
from tune_or_retrieve.chat import prompts

SCHEMA = "bedrock-conversation-2024"
MINIMUM, MAXIMUM = 8, 20_000  # training samples of one job, as documented for Nova

# What AWS's validator refuses anywhere in a text: it takes them for the marks between turns.
SPEAKERS = ("System", "SYSTEM", "User", "USER", "Bot", "BOT", "Assistant", "ASSISTANT", "Thought", "THOUGHT")
MARKS = ("[EOS]", "<image>", "<video>")
_SPEAKER = re.compile(rf"({'|'.join(SPEAKERS)}):")
_LABEL = re.compile(rf"({'|'.join(SPEAKERS)}):(?=\s|$)")  # a label before what is said of it, and no identifier

Sample = tuple[str, Sequence[prompts.HasHeading], str]  # question, passages (none: a bare sample), answer
Row = dict[str, Any]


@dataclass(frozen=True)
class Rejected:
    """A sample that AWS would refuse and that cannot be repaired without changing what it says."""

    question: str
    reason: str


@dataclass(frozen=True)
class Conversations:
    rows: list[Row] = field(default_factory=list)
    with_passages: int = 0  # of the rows
    repaired: int = 0  # of the rows
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def reasons(self) -> dict[str, int]:
        """How many samples were rejected for each reason, the most frequent first."""
        return dict(Counter(one.reason for one in self.rejected).most_common())


def bare(pairs: Iterable[Pair]) -> Iterator[Sample]:
    """Pairs as samples without passages."""
    for pair in pairs:
        yield pair.question, (), pair.answer


def conversations(samples: Iterable[Sample]) -> Conversations:
    """One row for each sample that AWS takes, in the order given; the prompts are those of answering.

    A speaker's label (``User: ...``) becomes ``User - ...``, in passages too. A sample is rejected if it holds one
    inside an identifier (``iam:User:name``), a mark such as ``<image>``, or nothing where a text must be.

    Raises:
        StageError: the system prompt itself breaks a rule.
    """
    system = prompts.system_prompt()
    if reason := _text_fault(system):
        raise StageError(
            f"tune_or_retrieve/chat/prompts/system.txt: {reason}: Nova's fine-tuning refuses every sample with it. "
            "Reword it."
        )
    rows, rejected = [], []
    with_passages = repaired = 0
    for question, passages, answer in samples:
        said = [prompts.user_prompt(question, passages), answer]
        texts = [_LABEL.sub(r"\1 -", text) for text in said]
        reason = "the question is blank" if not question.strip() else None
        if reason := reason or next(filter(None, map(_text_fault, texts)), None):
            rejected.append(Rejected(question, reason))
            continue
        rows.append(_row(system, *texts))
        repaired += texts != said
        with_passages += bool(passages)
    return Conversations(rows, with_passages, repaired, rejected)


def check(rows: Sequence[Row], split: str = "train", rejected: Sequence[Rejected] = ()) -> None:
    """Check rows by every documented rule, as AWS does after minutes of waiting.

    Args:
        split: "train", or "validation", whose number is not bounded.
        rejected: for the message: why there may be too few.

    Raises:
        StageError: names the number of samples if it does not fit, or up to five samples with what is wrong.
    """
    low, high = (MINIMUM, MAXIMUM) if split == "train" else (1, MAXIMUM)
    if not low <= len(rows) <= high:
        lost = f" {len(rejected)} more were rejected, the first because {rejected[0].reason}." if rejected else ""
        remedy = "Raise qa.pairs or give a larger corpus" if len(rows) < low else "Lower qa.pairs"
        raise StageError(
            f"fine-tuning on Bedrock: the {split} samples must be {low} to {high}. Got {len(rows)}.{lost} {remedy}."
        )
    faults = [f"sample {n}: {reason}" for n, row in enumerate(rows, start=1) if (reason := _row_fault(row))]
    if faults:
        more = [f"and {len(faults) - 5} more"] if len(faults) > 5 else []
        head = f"fine-tuning on Bedrock: {len(faults)} {split} sample(s) break the rules of {SCHEMA}:"
        raise StageError("\n  ".join([head, *faults[:5], *more]))


def jsonl(rows: Iterable[Row]) -> bytes:
    """The file that is uploaded; equal rows are equal bytes, so its sha256 stands for the data."""
    # All of it ASCII: a reader may take a line separator (U+2028) inside a text for the end of a line.
    return "".join(json.dumps(row) + "\n" for row in rows).encode("ascii")


def _row(system: str, user: str, assistant: str) -> Row:
    turns = (("user", user), ("assistant", assistant))
    return {
        "schemaVersion": SCHEMA,
        "system": [{"text": system}],
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in turns],
    }


def _row_fault(row: Any) -> str | None:
    """What is wrong with a row, which may come from anywhere; None if nothing is."""
    if not isinstance(row, dict) or row.get("schemaVersion") != SCHEMA:
        return f"schemaVersion must be {SCHEMA}"
    if unknown := sorted(set(row) - {"schemaVersion", "system", "messages"}):
        return f"unknown fields: {', '.join(unknown)}"
    system, messages = row.get("system", []), row.get("messages")
    if not isinstance(system, list) or not isinstance(messages, list) or not messages:
        return "system and messages must be lists, and messages not empty"
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    if roles != ["user", "assistant"] * (len(roles) // 2):
        return "roles must alternate, a user first and an assistant last"
    contents = [message.get("content") for message in messages]
    if not all(isinstance(content, list) and content for content in contents):
        return "each message must have content, a list of blocks"
    blocks = [*system, *(block for content in contents for block in content)]
    if not all(
        isinstance(block, dict) and set(block) == {"text"} and isinstance(block["text"], str) for block in blocks
    ):
        return "each block must be a text and nothing else"
    return next(filter(None, (_text_fault(block["text"]) for block in blocks)), None)


def _text_fault(text: str) -> str | None:
    if not text.strip():
        return "a text is blank"
    if found := _SPEAKER.search(text):
        return f"a text holds {found[0]!r}, which AWS takes for a speaker's mark"
    if mark := next((mark for mark in MARKS if mark in text), None):
        return f"a text holds {mark!r}, which AWS takes for a mark of its own"
    return None
