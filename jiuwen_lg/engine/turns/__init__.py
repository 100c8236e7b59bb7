"""One call of `invoke` or `stream`, from its input to its outcome."""
