"""Models that run in this process, by xllamacpp (llama.cpp)."""
