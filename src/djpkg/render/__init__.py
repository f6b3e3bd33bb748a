"""What djpkg says, as text or as a Rich renderable; nothing here prints.

Light, for every command: text, when, spark, short, glyphs, values, known, states, human, json, separated, compare,
register.
With Rich, loaded only where a terminal is written to: sheet, flow, table, overview, card, progress.
"""
