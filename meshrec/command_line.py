"""How every command ends: errors that we explain as one sentence and exit code 2, an interruption as 130."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from meshrec.errors import MeshrecError, Stopped

EXIT_OK = 0
EXIT_EXPLAINED = 2
EXIT_INTERRUPTED = 130  # what shells report for a process that SIGINT ended


def run_command(main: Callable[[Sequence[str] | None], int | None], arguments: Sequence[str] | None = None) -> int:
    """Run a command's ``main(arguments)`` and turn how it ended into an exit code.

    A script ends with ``raise SystemExit(run_command(main))``. Errors that are not :class:`MeshrecError` escape with
    their traceback, because they are bugs.

    Args:
        main: takes the arguments after the program's name (None: the process's own) and returns an exit code or None.
    Returns:
        0, the code that ``main`` returned, 2 after an explained error, 130 after Ctrl-C, and what a job that stopped on
        request says.
    """
    try:
        return main(arguments) or EXIT_OK
    except Stopped as stop:
        print(one_line(stop), file=sys.stderr)
        return stop.exit_code
    except MeshrecError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return EXIT_EXPLAINED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence, without the usage text in front of it."""

    def error(self, message: str) -> None:
        self.exit(EXIT_EXPLAINED, f"error: {message} (see --help)\n")


def four_numbers(text: str) -> tuple[float, float, float, float]:
    """Type of options such as ``--box 10,20,30,40``."""
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected four numbers x,y,w,h, got {text!r}") from error
    return left, top, width, height


def one_line(error: BaseException) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
