"""What djpkg costs: `python -m tests.benchmarks` prints figures of start, list, query, complete and fetch.

Figures are for reading, beside the targets that the project set itself; no test fails for one. Times are set in
relation to something else that runs on the same machine in turns with djpkg: a machine's speed is nobody's merit.
"""
