"""Joint sets of public data sets and detectors, in their own order and under our names.

A name is shared with another set only if both mean the same place, to within what labellers and marker placement differ
by. Three places need care:

- Hips. SMPL's skeleton has them about 7 cm to either side of the middle. COCO, LSP, OpenPose, Human3.6M and
  MPI-INF-3DHP put them further out, where a person has the bony point. They share the names `left_hip` and
  `right_hip`; the middle between them agrees, so it may be used as a root, but they should not be compared in 3D with
  the skeleton's.
- The pelvis of Human3.6M and MPI-INF-3DHP is the middle between the hips, here `hip_middle`; SMPL's `pelvis` lies
  higher.
- OpenPose's neck is the middle between the shoulders, here `shoulder_middle`; `neck` is its base, as in LSP.
"""

from __future__ import annotations

from meshrec.structures.joints import SMPL24, JointSet


def _sided(*names: str) -> tuple[str, ...]:
    """Names from `r shoulder` and the like."""
    sides = {"r": "right", "l": "left"}
    return tuple("_".join(sides.get(word, word) for word in name.split()) for name in names)


OPENPOSE18 = JointSet(
    "OpenPose-18",
    _sided("nose", "shoulder_middle", "r shoulder", "r elbow", "r wrist", "l shoulder", "l elbow", "l wrist", "r hip")
    + _sided("r knee", "r ankle", "l hip", "l knee", "l ankle", "r eye", "l eye", "r ear", "l ear"),
)

OPENPOSE25 = JointSet(
    "OpenPose-25",
    _sided("nose", "shoulder_middle", "r shoulder", "r elbow", "r wrist", "l shoulder", "l elbow", "l wrist")
    + _sided("hip_middle", "r hip", "r knee", "r ankle", "l hip", "l knee", "l ankle", "r eye", "l eye", "r ear")
    + _sided("l ear", "l big_toe", "l small_toe", "l heel", "r big_toe", "r small_toe", "r heel"),
)

# The union of the joints of LSP, MPII, Human3.6M and COCO that GraphCMR, SPIN and DecoMR keep their labels in.
SPIN24 = JointSet(
    "SPIN-24",
    _sided("r ankle", "r knee", "r hip", "l hip", "l knee", "l ankle", "r wrist", "r elbow", "r shoulder")
    + _sided("l shoulder", "l elbow", "l wrist", "neck", "head_top", "hip_middle", "thorax", "torso", "jaw")
    + _sided("head_h36m", "nose", "l eye", "r eye", "l ear", "r ear"),
)

# The 17 of the 32 markers of Human3.6M's files that move, in the usual order, and where they lie among the 32.
H36M17 = JointSet(
    "Human3.6M-17",
    _sided("hip_middle", "r hip", "r knee", "r ankle", "l hip", "l knee", "l ankle", "torso", "neck", "jaw")
    + _sided("head_h36m", "l shoulder", "l elbow", "l wrist", "r shoulder", "r elbow", "r wrist"),
)
H36M17_OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)

MPI_INF28 = JointSet(
    "MPI-INF-3DHP-28",
    _sided("upper_torso", "thorax", "lower_torso", "torso", "hip_middle", "neck", "head_middle", "head_top")
    + _sided("l clavicle", "l shoulder", "l elbow", "l wrist", "l palm", "r clavicle", "r shoulder", "r elbow")
    + _sided("r wrist", "r palm", "l hip", "l knee", "l ankle", "l instep", "l toe", "r hip", "r knee", "r ankle")
    + _sided("r instep", "r toe"),
)

MPI_INF17 = JointSet(
    "MPI-INF-3DHP-17",
    _sided("head_top", "neck", "r shoulder", "r elbow", "r wrist", "l shoulder", "l elbow", "l wrist", "r hip")
    + _sided("r knee", "r ankle", "l hip", "l knee", "l ankle", "hip_middle", "torso", "head_middle"),
)

# The first joints of SMPL-X's output: its body, then jaw, eyeballs and fingers, then landmarks of the face.
_FINGERS = tuple(
    f"{side}_{finger}{phalanx}"
    for side in ("left", "right")
    for finger in ("index", "middle", "pinky", "ring", "thumb")
    for phalanx in (1, 2, 3)
)
SMPLX60 = JointSet(
    "SMPL-X",
    SMPL24.names[:22]
    + ("jaw_hinge", "left_eyeball", "right_eyeball")
    + _FINGERS
    + ("nose", "right_eye", "left_eye", "right_ear", "left_ear"),
)
