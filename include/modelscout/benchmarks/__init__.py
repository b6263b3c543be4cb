"""Suites, graders, capability probes, workload replay and the runner that spends other people's money."""
