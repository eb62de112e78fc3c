"""The errors that meshrec raises on purpose; each message is one sentence a user can act on.

Command-line tools print the message and exit with code 2 (``Stopped`` brings its own). Everything else that escapes is
a bug.
"""


class MeshrecError(Exception):
    """Base of all errors that are explained to the user instead of shown as a traceback."""


class InvalidInput(MeshrecError, ValueError):
    """A photo, option or file content that meshrec cannot work with."""


class AssetNotFound(MeshrecError, FileNotFoundError):
    """A file that should have been shipped, or that the user has to supply, is missing."""


class MissingDependency(MeshrecError, ImportError):
    """An optional package is needed for what was asked."""


class CheckpointMismatch(MeshrecError, ValueError):
    """Weights are damaged, or belong to another network, body or atlas."""


class Stopped(MeshrecError):
    """A long job was asked to stop and has saved what it needs to go on.

    Args:
        message: how to go on.
        exit_code: what shells report for a process that the signal ended.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
