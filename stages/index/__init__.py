"""Chunks to a knowledge base: a FAISS index of their vectors and a BM25 index of their words; or one on Bedrock."""
