"""Commands of the repository, called in this process or as a user calls them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from meshrec.command_line import run_command

REPOSITORY = Path(__file__).resolve().parents[2]


def load_main(script: str) -> Callable[..., int]:
    """The ``main`` of a script such as ``demo/run.py``, ending as the script ends: an exit code, errors explained."""
    path = REPOSITORY / script
    spec = importlib.util.spec_from_file_location(path.stem + "_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def main(*arguments: object) -> int:
        try:
            return run_command(module.main, [str(argument) for argument in arguments])
        except SystemExit as ending:  # argparse leaves this way
            return int(ending.code or 0)

    return main


def run_script(script: str, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """A script in a fresh interpreter, with this checkout's package."""
    search_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return subprocess.run([sys.executable, str(REPOSITORY / script), *map(str, arguments)], cwd=cwd, text=True,
                          capture_output=True, timeout=600, env={**os.environ, "PYTHONPATH": search_path})
