from __future__ import annotations

import io
import re

import pytest

from manyfit.blocks import progress_for, rich_progress
from manyfit.errors import InputTypeError


class Terminal(io.StringIO):
    def isatty(self):
        return True


def report(progress):
    for done in (0, 1500, 3000):
        progress(done, 3000)


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_log_file_gets_one_plain_line(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    with rich_progress("Fitting [b]x[/b] in a " + "long " * 30, "spectra") as progress:
        report(progress)
        assert not file.getvalue()
    (line,) = file.getvalue().splitlines()
    assert "\x1b" not in line
    pattern = r"Fitting \[b\]x\[/b\] in a .*: 3,000 of 3,000 spectra in \d+\.\d s, [\d,]+ spectra/s"
    assert re.fullmatch(pattern, line)


def test_terminal_gets_a_bar_with_rate_and_time(monkeypatch):
    file = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.stderr", file)
    with rich_progress("Fitting [x]") as progress:
        report(progress)
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue()).splitlines()[-1]
    assert re.search(r"Fitting \[x\].*100%.*elements/s.*0:00:00", last)
    assert "\x1b[?25h" in file.getvalue()  # the cursor is back


def test_stopped_run_says_how_far_it_came(capsys):
    def stop(progress):
        progress(300, 1000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), rich_progress("Fitting") as progress:
        stop(progress)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Fitting: 300 of 1,000 elements in")


def test_nothing_was_done(capsys):
    with rich_progress("Fitting"):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("silent", [None, False])
def test_silence(silent, capsys):
    with progress_for(silent) as progress:
        assert progress is None
    assert capsys.readouterr() == ("", "")


def test_own_function_is_used_as_it_is():
    calls = []
    with progress_for(lambda *counts: calls.append(counts)) as progress:
        progress(1, 2)
    assert calls == [(1, 2)]


def test_true_draws_a_bar(capsys):
    with progress_for(True, "Training") as progress:
        progress(2, 2)
    assert capsys.readouterr().err.startswith("Training: 2 of 2 elements")


@pytest.mark.parametrize("wrong", ["yes", 1, 3.0])
def test_other_values_are_refused(wrong):
    with pytest.raises(InputTypeError, match=r"give True, False or a function.*progress\(done, total\)"):
        progress_for(wrong)
