"""LoRA on the pairs, bare and with retrieved-like passages, converted to GGUF and held against the trained model."""
