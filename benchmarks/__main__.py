"""All benchmarks, one after the other: ``python -m benchmarks [RESPONSE]``.

Those of TS maps need the path of a full-size response; without it they are left out.
"""

from __future__ import annotations

import sys

from benchmarks import (
    cannon,
    cannon_stream,
    cube_command,
    cube_decompose,
    cube_moments,
    cube_selected,
    cube_tutorial,
    distributed,
    kernels,
    l1448,
    large,
    memory_map,
    pipeline,
    remote,
    spectra,
    startup,
    store,
    store_options,
    throughput,
    tsmap,
    tsmap_input,
)

for benchmark in (
    kernels.main,
    throughput.main,
    l1448.main,
    startup.main,
    lambda: memory_map.main(8.0),
    store.main,
    lambda: store_options.main((100, 500, 500)),
    distributed.main,
    remote.main,
    large.main,
    lambda: cube_moments.main("theirs"),
    cube_tutorial.main,
    cube_selected.main,
    cube_decompose.main,
    cube_command.main,
    spectra.main,
    cannon.main,
    cannon_stream.main,
    pipeline.main,
):
    benchmark()

for response in sys.argv[1:]:
    tsmap_input.main(response)
    tsmap.main(response)
