"""A gallery, its index, and one query's trace through it."""
