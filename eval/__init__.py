"""Evaluation and benchmarks. A front end of `rag`: nothing in the service imports it."""
