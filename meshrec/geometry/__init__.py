"""Geometry as pure torch functions: rotations, cameras, crops, alignment, meshes, skinning."""

from meshrec.geometry.rotations import (
    axis_angle_to_matrix,
    cross_product_matrix,
    matrix_to_axis_angle,
    matrix_to_quat_wxyz,
    matrix_to_rotation_6d,
    quat_wxyz_to_matrix,
    random_rotation_matrix,
    rotation_6d_to_matrix,
    rotation_about_x,
    rotation_about_y,
    rotation_about_z,
    rotation_angle_rad,
)
from meshrec.geometry.skinning import (
    blend_shapes,
    blend_transforms,
    kinematic_chain,
    linear_blend_skinning,
    pose_feature,
    regress_joints,
)

__all__ = [
    "axis_angle_to_matrix",
    "blend_shapes",
    "blend_transforms",
    "cross_product_matrix",
    "kinematic_chain",
    "linear_blend_skinning",
    "matrix_to_axis_angle",
    "matrix_to_quat_wxyz",
    "matrix_to_rotation_6d",
    "pose_feature",
    "quat_wxyz_to_matrix",
    "random_rotation_matrix",
    "regress_joints",
    "rotation_6d_to_matrix",
    "rotation_about_x",
    "rotation_about_y",
    "rotation_about_z",
    "rotation_angle_rad",
]
