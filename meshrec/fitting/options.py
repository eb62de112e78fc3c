"""How bodies are fitted to joints: weights of the terms, and how hard to search."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class FitOptions:
    """Terms and search of `fit_to_joints`.

    Energies are negative log densities: a weight of 1 takes a term at its word. Pixels are those of a crop with a side
    of 224 px around the person, whatever the resolution of the image.
    """

    noise_px: float = 3.0
    """standard deviation of well labelled joints; people label COCO's joints to about 2 px in the face and 5 px at
    hips and knees. Lower values follow the joints more closely, higher ones the prior."""
    outlier_px: float = 100.0
    """distances well beyond it hardly count (Geman-McClure)."""
    pose_weight: float = 1.0
    """of the pose prior."""
    hinge_weight: float = 1.0
    """of knees and elbows that bend the wrong way or too far."""
    shape_weight: float = 1.0
    """of shape coefficients, in standard deviations."""
    lean_rad: float = 0.3
    """standard deviation of how people lean towards the camera or away from it; 0 leaves the term out."""
    contact_weight: float = 1.0
    """of limbs that pass through the body; 0 leaves the term out."""
    mask_weight: float = 500.0
    """of the outline, where masks are given: twice the energy of missing the whole person. 0 leaves the masks out."""
    part_weight: float = 500.0
    """of the outlines of parts, likewise."""
    iuv_noise_px: float = 10.0
    """standard deviation of some two hundred surface points that IUV finds in the image. It is larger than their error,
    because neighbours err alike."""
    betas: int = 10
    """how many shape coefficients are fitted."""
    start_poses: int = 1
    """poses to begin with: the prior's mean, then poses drawn from it."""
    start_sides: int = 4
    """sides from which each of them is seen at least: front, left, back, right."""
    search_iterations: int = 4
    """on everything together, from every start."""
    kept: int = 2
    """fits per person that go on after the search, those with the least energy."""
    iterations: int = 8
    """on everything together, to the end; the only ones after a warm start."""

    people_at_once: int = 64
    """bounds memory: some 5 MB a person in the search, more with pictures."""
    image_iterations: int = 15
    """at the end, where masks, parts or IUV are given; these need the whole mesh, and the time for it."""

    def __post_init__(self) -> None:
        counts = ("betas", "start_poses", "start_sides", "kept", "people_at_once")
        for field in fields(self):
            value, least = getattr(self, field.name), 1 if field.name in counts else 0
            positive = field.name.endswith("_px")
            if value < least or (positive and value == 0):
                bound = "above 0" if positive else f"of at least {least}"
                raise ValueError(f"{field.name} must be {bound}, got {value}.")
