"""The one room for AWS: nothing outside it imports boto3 or langchain_aws, and a local run imports nothing of it."""
