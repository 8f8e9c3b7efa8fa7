"""Amazon Bedrock. boto3 and langchain-aws are at home here; modules named `params` or `*_params` import neither."""
