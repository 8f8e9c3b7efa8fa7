"""The generator that is a chat model: passages to candidate pairs, each with quotes from its article."""
