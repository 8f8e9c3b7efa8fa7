"""Embeddings, and search by them and by words."""
