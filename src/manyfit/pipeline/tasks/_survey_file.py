"""A file of a survey: found by its names and numbers, downloaded if asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from manyfit.errors import InputError
from manyfit.pipeline._configured import configured
from manyfit.pipeline._input_file import StoredFile
from manyfit.pipeline._parameters import Flag, Integer, Names, Text

if TYPE_CHECKING:
    from manyfit import spectra

#: Folder of the local copy of the tree, if none is given.
TREE = "survey_files"


class SurveyFile(StoredFile):
    """A file of a survey; its value is the spectra in it.

    A subclass says of which kind the file is, and has a parameter for each part of the path.

    Parameters
    ----------
    release
        Data release, such as ``"dr17"``.
    bits
        Names or numbers of the bits that make a pixel unusable; those that the survey calls bad if not given.
    use_remote
        Whether a file that is not there is downloaded. This is done when the task runs, never when it is looked at.
    server
        Address of the tree of files. Not given: MANYFIT_SERVER, ``server`` in luigi.cfg, or that of SDSS.
    tree
        Folder of the local copy. Not given: MANYFIT_TREE, ``tree`` in luigi.cfg, or ``survey_files``.
    size, checksum
        What a file has that is downloaded, as `manyfit.spectra.fetch` takes them.
    """

    version = "1"
    kind: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    release = Text()
    bits = Names(default=None)
    use_remote = Flag(default=False, significant=False)
    server = Text(default=None, significant=False)
    tree = Text(default=None, significant=False)
    size = Integer(default=None, significant=False)
    checksum = Text(default=None, significant=False)

    def survey_file(self) -> spectra.SurveyFile:
        """Path in the tree, and address."""
        from manyfit.spectra import survey_file

        given = {name: getattr(self, name) for name in self.fields}
        return survey_file(self.kind, release=self.release.lower(), **given)

    def location(self) -> Path:
        """Where the file is in the local copy of the tree."""
        return self.survey_file().local(self.tree or configured("tree", TREE))

    def prepare(self) -> None:
        """Download the file if it is not there and `use_remote` is set.

        Raises
        ------
        FileNotFoundError
            The server does not have it.
        OSError
            The server cannot be reached, or the file has another size or checksum.
        """
        if self.use_remote and not self.location().exists():
            from manyfit.spectra._paths import SDSS_SERVER

            server = self.server or configured("server", SDSS_SERVER)
            folder = self.tree or configured("tree", TREE)
            self.survey_file().fetch(folder, server=server, size=self.size, checksum=self.checksum)

    def may_be_elsewhere(self) -> bool:
        """Whether a server is asked for a file that is not here."""
        return bool(self.use_remote)

    def read(self, path: Path) -> spectra.Spectra:
        """The spectra in the file."""
        from manyfit.spectra import read

        return read(path, bits=self.chosen_bits())

    def chosen_bits(self) -> list[int | str] | None:
        """The bits as `manyfit.spectra.read` takes them."""
        return None if self.bits is None else [int(bit) if bit.isdigit() else bit for bit in self.bits]

    def _there(self) -> Path:
        path = self.location()
        if not path.exists():
            hint = "the server did not give it" if self.use_remote else "use_remote=True downloads it"
            raise InputError(f"The file {str(path)!r} does not exist yet; {hint}.")
        return path
