"""Ctrl-C and SIGTERM as a wish to stop at the end of a step."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from meshrec.errors import Stopped

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While this context is open, the first SIGINT or SIGTERM is only noted; a second one acts as it always does.

    Attributes:
        signal: the one that came, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._earlier: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            self._earlier = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        self._put_back()

    def stopped(self, where: str) -> Stopped:
        """The end that was asked for; `where` completes the sentence and says how to go on."""
        number = self.signal or signal.SIGTERM  # another process of the training may have got it
        return Stopped(f"Stopped by {signal.Signals(number).name} {where}", exit_code=128 + number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        self._earlier = {}
