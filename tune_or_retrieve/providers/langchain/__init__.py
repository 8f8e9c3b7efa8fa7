"""Chat models of any provider that LangChain has a package for, by its init_chat_model; an extra."""
