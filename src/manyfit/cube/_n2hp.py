"""Constants of N2H+ J = 1-0."""

from __future__ import annotations

#: Rest frequency of the line F1 F = 2 3 - 1 2, to which the offsets refer, in GHz: Pagani, Daniel & Dubernet (2009,
#: A&A 494, 719, doi:10.1051/0004-6361:200810570), as improved by L. Dore (private communication to the CDMS).
FREQUENCY = 93.1737637

#: (radio velocity from that line in km/s, part of the opacity) from the same source. J = 0 is not split, so all lines
#: from one upper level F1 F have one frequency, and their parts add up to (2 F + 1) / 27.
LINES = (
    (-7.9930, 3 / 27),  # F1 F = 0 1
    (-0.6112, 3 / 27),  # 2 1
    (0.0000, 7 / 27),  # 2 3
    (0.9533, 5 / 27),  # 2 2
    (5.5371, 3 / 27),  # 1 1
    (5.9704, 5 / 27),  # 1 2
    (6.9238, 1 / 27),  # 1 0
)
