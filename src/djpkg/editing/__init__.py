"""Assignments and the editor's document -> overrides."""
