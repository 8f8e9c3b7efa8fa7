"""The passages of every test question, retrieved once for all approaches that use them."""
