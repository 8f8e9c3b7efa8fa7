"""Prices, costs and the budget. Imports no boto3."""
