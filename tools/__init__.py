"""Developer commands, run through `make`: benchmarks, evaluation, training, chaos tests,
pictures."""
