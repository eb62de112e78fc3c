"""Losses as functions ``(prediction, target, valid) -> scalar``: averages over what is known, zero where nothing is."""

from meshrec.losses.adversarial import adversarial_loss, discriminator_loss
from meshrec.losses.body_params import betas_loss, camera_prior, rotation_loss
from meshrec.losses.iuv import facing_loss, front_loss, mask_loss, part_loss, part_residual_loss, uv_loss
from meshrec.losses.joints import (
    heatmap_loss,
    joint_loss_2d,
    joint_loss_2d_l1,
    joint_loss_3d,
    robust_joint_loss_2d,
    squared_joint_loss_3d,
)
from meshrec.losses.location_map import consistency_loss, location_map_loss, part_weight_map, total_variation_loss
from meshrec.losses.vertices import edge_loss, vertex_loss

__all__ = ["adversarial_loss", "betas_loss", "camera_prior", "consistency_loss", "discriminator_loss", "edge_loss",
           "facing_loss", "front_loss", "heatmap_loss", "joint_loss_2d", "joint_loss_2d_l1", "joint_loss_3d",
           "location_map_loss", "mask_loss", "part_loss", "part_residual_loss", "part_weight_map",
           "robust_joint_loss_2d", "rotation_loss", "squared_joint_loss_3d", "total_variation_loss", "uv_loss",
           "vertex_loss"]
