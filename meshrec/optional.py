"""Optional packages: imported when they are needed, with a message that says how to get them."""

from __future__ import annotations

import importlib
from types import ModuleType

from meshrec.errors import MissingDependency


def require(package: str, *, purpose: str, extra: str | None = None, install: str | None = None) -> ModuleType:
    """Import an optional package.

    Args:
        package: import name, for example ``"open3d"``.
        purpose: what needs it, completing the sentence "... is needed to <purpose>".
        extra: meshrec's extra that installs it.
        install: the command to show instead, for packages that no extra can install.
    Raises:
        MissingDependency: the package is absent or fails to load its own libraries.
    """
    command = install or (f'pip install "meshrec[{extra}]"' if extra else f"pip install {package}")
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != package.split(".")[0]:
            raise MissingDependency(
                f"{package} is needed to {purpose}, but its own dependency {error.name} is missing: run `{command}`."
            ) from error
        raise MissingDependency(f"{package} is needed to {purpose}: run `{command}`.") from error
    except (ImportError, OSError) as error:
        raise MissingDependency(
            f"{package} is needed to {purpose}, but it could not be loaded here ({error})."
        ) from error
