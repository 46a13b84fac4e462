"""Protocols, recall, and whether the uncertainty is right."""
