"""The training records of Nova: schema bedrock-conversation-2024, held to the rules of AWS's own validator."""

import json
from typing import Any

from .text import tokens

MINIMUM, MAXIMUM = 8, 20_000  # training samples
FORBIDDEN = [
    f"{word}:" for word in ("System", "SYSTEM", "User", "USER", "Bot", "BOT", "Assistant", "ASSISTANT", "Thought")
] + ["THOUGHT:", "[EOS]", "<image>", "<video>"]


def check(data: bytes, what: str) -> tuple[list[str], int]:
    """What is wrong with a JSONL file of training (`what`='training') or validation records, and its tokens."""
    try:
        lines = [line for line in data.decode().splitlines() if line.strip()]
    except UnicodeDecodeError:
        return [f"The {what} file is not UTF-8."], 0
    found = []
    if what == "training" and not MINIMUM <= len(lines) <= MAXIMUM:
        found.append(f"The number of training samples must be between {MINIMUM} and {MAXIMUM}. Got {len(lines)}.")
    elif not lines:
        found.append(f"The {what} file has no samples.")
    total = 0
    for number, line in enumerate(lines, 1):
        problem, texts = _check_line(line)
        if problem:
            found.append(f"{what} sample {number}: {problem}")
        total += sum(len(tokens(text)) for text in texts)
    return found, total


def _check_line(line: str) -> tuple[str | None, list[str]]:
    try:
        record = json.loads(line)
    except ValueError:
        return "not valid JSON", []
    if not isinstance(record, dict) or record.get("schemaVersion") != "bedrock-conversation-2024":
        return "schemaVersion must be bedrock-conversation-2024", []
    if unknown := sorted(set(record) - {"schemaVersion", "system", "messages"}):
        return f"unknown fields {unknown}", []
    system, messages = record.get("system", []), record.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(system, list):
        return "messages and system must be lists, and messages not empty", []
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    if roles != ["user", "assistant"] * (len(roles) // 2):
        return "roles must alternate, with a user first and an assistant last", []
    texts = [_text(block) for block in [*system, *(block for one in messages for block in one.get("content") or [{}])]]
    if not all(texts):
        return "every content block must hold a text that is not blank", []
    for text in texts:
        for word in FORBIDDEN:
            if word in text:
                return f"the text holds the reserved keyword {word!r}", []
    return None, texts


def _text(block: Any) -> str:
    text = block.get("text") if isinstance(block, dict) and set(block) == {"text"} else None
    return text if isinstance(text, str) and text.strip() else ""
