"""What all of Bedrock needs of AWS: sessions, faults in plain words, names, roles, S3, waiting."""
