"""What takes long: `make soak` runs it, `make test` does not. Figures are in docs/operations.md."""
