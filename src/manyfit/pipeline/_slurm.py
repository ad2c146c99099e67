"""A script for slurm: many processes on many nodes that build the same tasks on one central scheduler."""

from __future__ import annotations

import shlex
from pathlib import Path

TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cores}
#SBATCH --time={time}
#SBATCH --output={name}-%A_%a.log
set -euo pipefail

# All processes share this folder and one scheduler, so no task is run twice:
#   luigid --port 8082 --state-path luigi.state    (on a node that all others reach, before this is submitted)
export MANYFIT_FOLDER={folder}
export NUMBA_NUM_THREADS={cores} OMP_NUM_THREADS={cores}

srun manyfit run {workflow} --workers 1 --scheduler {scheduler}
"""


def script(
    workflow: Path,
    folder: Path,
    *,
    scheduler: str = "http://localhost:8082",
    processes: int = 4,
    cores: int = 4,
    time: str = "24:00:00",
) -> str:
    """The text of the script.

    Parameters
    ----------
    workflow, folder
        The workflow file, and the folder of products: on a file system of all nodes.
    scheduler
        Address of the central scheduler, as the nodes see it.
    processes, cores
        Number of processes, and of cores for each.
    time
        Limit on time, as slurm writes it.

    Examples
    --------
    >>> print(script(Path("labels.py"), Path("products"), processes=8).splitlines()[2])
    #SBATCH --array=0-7
    """
    return TEMPLATE.format(
        name=workflow.stem,
        last=processes - 1,
        cores=cores,
        time=time,
        folder=shlex.quote(str(folder.absolute())),
        workflow=shlex.quote(str(workflow.absolute())),
        scheduler=shlex.quote(scheduler),
    )
