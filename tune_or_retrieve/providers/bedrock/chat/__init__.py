"""Chat models: Converse, batch jobs, access."""
