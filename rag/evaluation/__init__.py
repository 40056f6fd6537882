"""How good the answers are: the reference set, the metrics, runs, and their comparison."""
