"""Training processes for tests: real ones, that can really be killed, forked from a server that has imported torch."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from meshrec.command_line import run_command
from meshrec.engine.distributed import EndedElsewhere, join_world
from tests.support.toy_training import train_toy

_CONTEXT = multiprocessing.get_context("forkserver")
# The slow ones of what a training imports on its way; those that are not installed are passed over.
_CONTEXT.set_forkserver_preload(
    [
        "torch._dynamo",
        "tensorboard.summary.writer.record_writer",
        "matplotlib.backends.backend_agg",
        "tests.support.processes",
    ]
)
PATIENCE_S = 60


def start(job: Callable, *arguments, environment: dict[str, str] | None = None, errors: Path | None = None, **options):
    """A process that calls a function and ends as a command does; what it says goes to the file `errors`."""
    process = _CONTEXT.Process(target=_run, args=(job, arguments, options, environment or {}, errors))
    process.start()
    return process


def start_world(size: int, job: Callable, *arguments, errors: Path | None = None, **options) -> list:
    """Several processes with the environment that torchrun gives them."""
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(size)}
    return [
        start(job, *arguments, environment={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
              errors=None if errors is None else errors.with_name(f"{errors.name}{rank}"), **options)
        for rank in range(size)
    ]  # fmt: skip


def ends(*processes) -> list[int]:
    """Exit codes; minus the signal for a process that one has ended."""
    for process in processes:
        process.join(PATIENCE_S)
        if process.is_alive():
            for other in processes:
                other.kill()
            raise AssertionError("the process hangs")
    return [process.exitcode for process in processes]


def train(folder: str, **options) -> None:
    """The toy training in a world, one of torchrun's or of one process."""
    with join_world() as world:
        try:
            train_toy(folder, world=world, **options)
        except EndedElsewhere:
            if world.is_first:
                raise


def train_and_die(folder: str, *, at: str, **options) -> None:
    """The toy training, killed by SIGKILL in the middle of its n-th write: ``"fsync:2"``, ``"replace:3"``, ``"row:4"``.

    fsync: before a log, a checkpoint or its folder is forced to the disk, by turns; replace: before a file is renamed;
    row: when half of a line is written.
    """
    place, _, left = at.partition(":")
    left = int(left)

    def die_in_time() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    if place == "row":
        import meshrec.engine.run_log as run_log

        whole = run_log.RunLog._append

        def half(log, row):
            if left == 1:
                with open(log.path, "a") as file:
                    file.write("3.0,0.1")
            die_in_time()
            whole(log, row)

        run_log.RunLog._append = half
    else:
        function = getattr(os, place)

        def deadly(*arguments):
            die_in_time()
            return function(*arguments)

        setattr(os, place, deadly)
    train(folder, **options)


def _run(job, arguments, options, environment, errors) -> None:
    os.setpgrp()  # with its workers, as a terminal and torchrun start programs
    import torch

    os.environ.update(environment)
    torch.set_num_threads(1)
    with contextlib.ExitStack() as stack:
        if errors is not None:
            stack.enter_context(contextlib.redirect_stderr(stack.enter_context(open(errors, "w", buffering=1))))
        try:
            code = run_command(lambda _: job(*arguments, **options))
        except Exception:
            traceback.print_exc()
            code = 1
    sys.exit(code)


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]
