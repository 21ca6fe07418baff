"""The fewest lines that configure a unit."""

MINIMAL = """
[unit]
id = "forville-01"
site = "forville"
[broker]
host = "localhost"
[notice]
controller = "Ville d'Exemple"
contact = "masques@example.org"
sign_date = 2026-05-01
"""
