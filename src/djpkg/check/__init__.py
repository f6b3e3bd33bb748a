"""Rules about what a project requires: requirements and facts of the mirror become findings. Pure functions."""
