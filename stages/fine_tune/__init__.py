"""LoRA on the pairs, bare and with retrieved-like passages, converted to GGUF and compared with the trained model."""
