"""Constants of NH3 (J,K) = (1,1)."""

from __future__ import annotations

#: Frequency to which the offsets refer, the mean over all lines, in GHz: Kukolich (1967, Phys. Rev. 156, 83); Rydbeck
#: et al. (1977, ApJ 215, L35).
FREQUENCY = 23.6944955

#: (radio velocity in km/s, part of the opacity) of the 18 lines. Offsets: Kukolich (1967), Rydbeck et al. (1977). Parts
#: follow from angular momenta alone (Townes & Schawlow 1955, Microwave Spectroscopy, ch. 6): J = 1 and the spin 1 of
#: nitrogen make F1, F1 and the spin 1/2 of the hydrogens make F.
LINES = (
    (19.8513, 1 / 27),  # F1 = 0 -> 1
    (19.3159, 2 / 27),
    (7.88669, 5 / 108),  # 2 -> 1
    (7.46967, 1 / 12),
    (7.35132, 1 / 108),
    (0.460409, 1 / 54),  # 1 -> 1
    (0.322042, 1 / 108),
    (-0.0751680, 1 / 108),
    (-0.213003, 5 / 108),
    (0.311034, 1 / 60),  # 2 -> 2
    (0.192266, 3 / 20),
    (-0.132382, 7 / 30),
    (-0.250923, 1 / 60),
    (-7.23349, 5 / 108),  # 1 -> 2
    (-7.37280, 1 / 108),
    (-7.81526, 1 / 12),
    (-19.4117, 1 / 27),  # 1 -> 0
    (-19.5500, 2 / 27),
)
