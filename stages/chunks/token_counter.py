"""Counting tokens as the embedding model does, without loading it."""

from collections.abc import Callable, Sequence

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.locations import resolve

Counter = Callable[[Sequence[str]], list[int]]


def token_counter(location: str) -> Counter:
    """A function from texts to their numbers of tokens, without special tokens."""
    from tokenizers import Tokenizer

    path = resolve(location)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as fault:  # the library raises plain Exception
        raise StageError(
            f"params.yaml: chunking.tokenizer must be a tokenizer.json. Got {location!r} ({fault})."
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    return count
