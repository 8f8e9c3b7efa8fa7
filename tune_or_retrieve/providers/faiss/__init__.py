"""The knowledge base on this machine: FAISS and BM25 indexes, and rankings by them."""
