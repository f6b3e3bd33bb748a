"""Benchmarks: `python -m tests.benchmarks` measures start, list, query, complete and fetch.

Results are printed beside the project's targets; no test fails because of them. Times are compared with another
program that runs alternately on the same machine, so that the speed of the machine does not matter.
"""
