"""Language models as judges and writers of pairs, on any LangChain chat model."""
