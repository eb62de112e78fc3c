"""What reconstruction returns: one person as a mesh, with everything needed to draw and export it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.body import BodyParams
from meshrec.structures.camera import PinholeCamera
from meshrec.structures.iuv import IuvMap
from meshrec.structures.joints import JointSet
from meshrec.structures.location_map import LocationMap


@dataclass(frozen=True)
class MeshPrediction:
    """One reconstructed person, whichever path made it.

    Attributes:
        vertices_cam: (V, 3) metres in the camera frame (x right, y down, z forward), placed in front of the camera.
        faces: (F, 3) long, counter-clockwise seen from outside.
        joints_cam: (J, 3) metres in the camera frame.
        joint_set: names of ``joints_cam``.
        camera: one pinhole camera of the whole photo; ``vertices_cam`` projects with it onto the person.
        box_px: (4,) x, y, width, height of the person in the photo, pixels.
        score: confidence of the person's detection, 0 to 1.
        iuv: correspondence of the square crop, batch of one.
        crop_box_px: (3,) centre x, centre y and side of that square crop in the photo, pixels.
        location_map: batch of one, body origin.
        body_params: batch of one, where the method gives parameters or `meshrec.fitting.from_mesh` found them in the
            mesh; the body stands where its vertices are closest to ``vertices_cam``.
    """

    vertices_cam: Tensor
    faces: Tensor
    joints_cam: Tensor
    joint_set: JointSet
    camera: PinholeCamera
    box_px: Tensor
    score: float = 1.0
    iuv: IuvMap | None = None
    crop_box_px: Tensor | None = None
    location_map: LocationMap | None = None
    body_params: BodyParams | None = None

    def __post_init__(self) -> None:
        check_shapes(
            vertices_cam=(self.vertices_cam, "V 3"),
            faces=(self.faces, "F 3"),
            joints_cam=(self.joints_cam, f"{len(self.joint_set)} 3"),
            box_px=(self.box_px, "4"),
        )
