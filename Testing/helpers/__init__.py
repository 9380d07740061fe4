"""What tests, demonstration and benchmarks share."""
