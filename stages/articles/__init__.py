"""Documentation to clean Markdown articles with a content-hash manifest."""
