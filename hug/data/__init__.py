"""Triplets, pictures, their frozen tokens, and the data sets they come from."""
