"""Turn packages, tables and reports into text or Rich renderables. Nothing here prints.

Only card, labelled_lines, progress, small_tables, table and text_grid import Rich.
"""
