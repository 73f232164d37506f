"""What Benchmarks/run measures: a module per suite, and what they share."""
