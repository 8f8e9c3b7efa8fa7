"""Articles to passages with character offsets, by Amazon Bedrock's chunking strategies."""
