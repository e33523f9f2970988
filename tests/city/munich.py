# SPDX-License-Identifier: Apache-2.0
"""A German city with four bins, as its environment file says it."""

CITY = """
account = "111111111111"
region = "eu-central-1"
prefix = "binsight-muc"
removal = "destroy"

[bins]
default = "Restmüll"
unsure_below = 0.4

[bins.colours]
"Restmüll" = "#4a4f57"
"Bio" = "#6b4a1f"
"Papier" = "#1460be"
"Wertstoffe" = "#8a5a00"

[bins.classes]
glass = "Wertstoffe"
paper = "Papier"
"""
NAMES = ("Restmüll", "Bio", "Papier", "Wertstoffe")
