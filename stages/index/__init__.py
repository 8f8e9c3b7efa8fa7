"""Chunks to a knowledge base on disk: a FAISS index of their vectors and a BM25 index of their words."""
