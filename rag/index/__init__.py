"""Papers to vectors and words, on disk and searched."""
