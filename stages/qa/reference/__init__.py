"""The writer that reads API documentation: operations, their parameters, responses and errors, and overviews."""
