"""Errors that stop counting when they are large."""

from torch import Tensor


def geman_mcclure(squared: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """Robust square `w^2 r^2 / (w^2 + r^2)`, about r^2 for small r and at most w^2, and its derivative by r^2.

    Geman and McClure, "Statistical methods for tomographic image reconstruction", 1987; used by SMPLify.

    Args:
        squared: (...) r^2.
        width: w, in the units of r.
    """
    share = width**2 / (width**2 + squared)
    return squared * share, share.square()
