"""Counting tokens as the embedding model and the chat models do, without loading them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.locations import resolve

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Counter = Callable[[Sequence[str]], list[int]]


def token_counter(locations: Sequence[str]) -> Counter:
    """A function from texts to their numbers of tokens, without special tokens: the largest of all tokenizers.

    Args:
        locations: of tokenizers, see :class:`stages.chunks.params.ChunkingParams`.

    Raises:
        StageError: one of them is no tokenizer.
    """
    counters = [_counter(_tokenizer(location)) for location in locations]

    def count(texts: Sequence[str]) -> list[int]:
        return [max(numbers) for numbers in zip(*(counter(texts) for counter in counters), strict=True)]

    return count


def _counter(tokenizer: "Tokenizer") -> Counter:
    """A word that the tokenizer does not know, a token to it, counts a token for each of its characters.

    WordPiece takes any word of more than 100 characters, and text of scripts that it was not trained on, for one.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown = getattr(tokenizer.model, "unk_token", None)
    unknown_id = None if unknown is None else tokenizer.token_to_id(unknown)

    def tokens(encoding) -> int:
        if unknown_id not in encoding.ids:
            return len(encoding)
        spans = zip(encoding.ids, encoding.offsets, strict=True)
        return sum(max(1, end - start) if one == unknown_id else 1 for one, (start, end) in spans)

    # Not the fast variant, which leaves out the offsets.
    return lambda texts: [tokens(one) for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _tokenizer(location: str) -> "Tokenizer":
    from tokenizers import Tokenizer

    path = resolve(location)
    try:
        if path.suffix.lower() == ".gguf":
            return _of_gguf(path)
        return Tokenizer.from_file(str(path / "tokenizer.json" if path.is_dir() else path))
    except Exception as fault:  # the libraries raise plain Exception
        raise StageError(
            "params.yaml: chunking.tokenizers must name tokenizer.json files, folders that hold one, or GGUF files. "
            f"Got {location!r} ({fault})."
        ) from None


def _of_gguf(path: Path) -> "Tokenizer":
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name).backend_tokenizer
