"""What fits of a data set are worth, in a few figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from meshrec.data.annotations import Annotations
from meshrec.fit_job.rule import FEWEST_JOINTS, FitRule, labelled_joints

FIGURES = {
    "people": "labelled people",
    "with_joints": f"of them with at least {FEWEST_JOINTS} labelled joints",
    "fitted": "of them fitted",
    "kept": "of them good by the rule",
    "kept_share": "share of the fitted that is kept",
    "swapped": "fitted people of whom both legs, or both arms, seem to be labelled on the wrong side",
    "error_median": "median error of all fits: mean distance of joints over the side of a crop around the person",
    "error_p90": "what nine in ten fits stay below",
    "error_kept": "mean error of the kept ones",
    "error_kept_px": "the same in pixels of a crop of 224",
    "mask_iou_kept": "mean IoU of the kept meshes and the labelled masks, of at most 300 people who have one",
    "energy_median": "median prior energy of all fits",
    "energy_kept": "mean prior energy of the kept ones",
}


def fit_figures(people: Annotations, overlaps: Sequence[float] = ()) -> dict[str, float]:
    """The figures of a file of fits; those of nobody are left out.

    Args:
        overlaps: of kept meshes and masks, see `mask_overlaps`.
    """
    fitted, kept = people.is_fitted, people.is_fitted & people.fit_kept
    figures: dict[str, float] = {
        "people": len(people),
        "with_joints": int((labelled_joints(people) >= FEWEST_JOINTS).sum()),
        "fitted": int(fitted.sum()),
        "kept": int(kept.sum()),
    }
    if fitted.any():
        error, energy = people.fit_error[fitted], people.fit_energy[fitted]
        figures["swapped"] = int((people.fit_swap_gain[fitted] > FitRule.swap_gain).sum())
        figures |= {"kept_share": float(kept.sum() / fitted.sum()), "error_median": float(np.median(error)),
                    "error_p90": float(np.quantile(error, 0.9)), "energy_median": float(np.median(energy))}  # fmt: skip
    if kept.any():
        error = float(people.fit_error[kept].mean())
        figures |= {"error_kept": error, "error_kept_px": 224 * error,
                    "energy_kept": float(people.fit_energy[kept].mean())}  # fmt: skip
    if len(overlaps):
        figures["mask_iou_kept"] = float(np.mean(overlaps))
    return {name: figures[name] for name in FIGURES if name in figures}


def fit_table(name: str, people: Annotations, figures: dict[str, float]) -> str:
    """The figures as aligned text, with what they mean, the fitter and the rule."""
    lines = [name]
    for figure, value in figures.items():
        shown = f"{value:d}" if isinstance(value, int) else f"{value:.4f}"
        lines.append(f"  {figure:<16}{shown:>10}  {FIGURES[figure]}")
    return "\n".join([*lines, *(f"  ({words})" for words in people.fitted_by.split("; "))])
