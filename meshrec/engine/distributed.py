"""Several processes of one training, as torchrun starts them: who is who, sums over all of them, and one common end.

Nothing here is needed by a training of one process, and everything works in it: its world has size 1.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from meshrec.engine.devices import pick_device
from meshrec.errors import InvalidInput, MeshrecError

Result = TypeVar("Result")

# The first process may draw examples or pictures for minutes while the others wait.
_PATIENCE = timedelta(minutes=30)
# Elements that are summed in one message: 64 MiB of float32.
_BUCKET = 16 * 2**20


class EndedElsewhere(MeshrecError):
    """Another process of the same training has ended, and that one says why."""


@dataclass(frozen=True)
class World:
    """The processes of a training and this one's place among them.

    Attributes:
        rank: number of this process; the first one, 0, writes files and speaks to the user.
        size: number of processes on all machines.
        local_rank: number of this process on its machine, which is also the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def pick_device(self, name: str) -> torch.device:
        """The device of a name for this process: with several processes on a machine, each has its own GPU."""
        device = pick_device(name)
        if self.size == 1 or device.type != "cuda":
            return device
        if self.local_rank >= torch.cuda.device_count():
            raise InvalidInput(
                f"Process {self.local_rank} of this machine has no GPU of its own (there are "
                f"{torch.cuda.device_count()}): give torchrun --nproc-per-node {torch.cuda.device_count()}, "
                "or loop.device=cpu."
            )
        torch.cuda.set_device(self.local_rank)
        return torch.device("cuda", self.local_rank)

    def share(self, micro_batches: int) -> range:
        """Which of a step's micro-batches this process computes.

        Raises:
            InvalidInput: they cannot be shared equally.
        """
        if micro_batches % self.size:
            raise InvalidInput(
                f"A step of {micro_batches} micro-batches cannot be shared by {self.size} processes: "
                "make micro_batches of the stage a multiple, or 0 for one per process."
            )
        own = micro_batches // self.size
        return range(self.rank * own, (self.rank + 1) * own)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by their sums over all processes; every process must give the same shapes in one order."""
        if self.size == 1:
            return
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            _together(lambda flat=flat: dist.all_reduce(flat))
            for tensor, summed in zip(bucket, flat.split([tensor.numel() for tensor in bucket])):
                tensor.copy_(summed.view(tensor.shape))

    def add_up_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replaces gradients by their sums; a parameter that no process used keeps none."""
        if self.size == 1:
            return
        used = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.uint8)
        _together(lambda: dist.all_reduce(used, dist.ReduceOp.MAX))
        learnt = [parameter for parameter, is_used in zip(parameters, used.tolist()) if is_used]
        for parameter in learnt:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.add_up([parameter.grad for parameter in learnt])

    def sums(self, *values: float) -> list[float]:
        """Sums of plain numbers over all processes."""
        summed = torch.tensor(values, dtype=torch.float64)
        self.add_up([summed])
        return summed.tolist()

    def gather(self, items: Iterable[Result]) -> list[Result]:
        """The items of all processes, in the order of the processes; every process gets the whole list.

        Raises:
            EndedElsewhere: another process has ended before it gave its items.
        """
        own = list(items)
        if self.size == 1:
            return own
        parts: list[list[Result]] = [[] for _ in range(self.size)]
        _together(lambda: dist.all_gather_object(parts, own))
        return [item for part in parts for item in part]

    @torch.no_grad()
    def copy_from_first(self, model: nn.Module) -> None:
        """Gives the model of every process the values of the first one's."""
        if self.size > 1:
            for value in (*model.parameters(), *model.buffers()):
                # NCCL and gloo send memory in its own order; channels-last tensors need one of their own.
                contiguous = value.detach().contiguous()
                _together(lambda contiguous=contiguous: dist.broadcast(contiguous, src=0))
                value.copy_(contiguous)

    def from_first(self, make: Callable[[], Result]) -> Result:
        """What a function returns in the first process, given to all; where it fails, all end and the first says why.

        Raises:
            EndedElsewhere: in the other processes, if it failed.
        """
        if self.size == 1:
            return make()
        failure, answer = None, [False, None]
        if self.is_first:
            try:
                answer = [True, make()]
            except Exception as error:  # passed on below, once the others know
                failure = error
        _together(lambda: dist.broadcast_object_list(answer, src=0, device=torch.device("cpu")))
        if failure is not None:
            raise failure
        if not answer[0]:
            raise EndedElsewhere("The first process of this training has ended; its message says why.")
        return answer[1]

    def common_end(self, error: Exception) -> Exception:
        """For an end that every process has found by itself: the error in the first one, silence in the others."""
        return error if self.is_first else EndedElsewhere("Every process has ended; the first one says why.")


@contextlib.contextmanager
def join_world() -> Iterator[World]:
    """This process's world: the processes that torchrun started, or this one alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    # Gloo carries what lives on the CPU, and the messages about who ends; NCCL what lives on GPUs.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_PATIENCE)
    try:
        yield World(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()


def _together(exchange: Callable[[], object]) -> None:
    """An exchange with the other processes; torch reports the death of one of them as some RuntimeError."""
    try:
        exchange()
    except RuntimeError as error:
        raise EndedElsewhere(
            f"Another process of this work has ended, so this one cannot go on ({str(error).splitlines()[0]}); "
            "start the same command again, a training resumes at its last checkpoint."
        ) from error


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours of one dtype, up to the size of a message."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        elements = sum(other.numel() for other in bucket)
        if bucket and (tensor.dtype != bucket[0].dtype or elements + tensor.numel() > _BUCKET):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
