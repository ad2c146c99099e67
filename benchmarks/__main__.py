"""All benchmarks, one after the other: ``python -m benchmarks``."""

from __future__ import annotations

from benchmarks import kernels, l1448, memory_map, startup, throughput

for benchmark in (kernels.main, throughput.main, l1448.main, startup.main, lambda: memory_map.main(8.0)):
    benchmark()
