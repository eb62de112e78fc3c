"""The figures that an evaluation may report: what each is, and in which direction it is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One kind of number.

    Attributes:
        words: definition with unit, alignment and what is pooled, to be printed beside the number.
        lower_is_better: for choosing the best and the worst people.
    """

    words: str
    lower_is_better: bool = False


def _dense_figures(kind: str, similarity: str) -> dict[str, Figure]:
    """Average precision of detections that are matched by a similarity."""
    return {
        f"{kind}_ap": Figure(f"average precision over 0.50 to 0.95 of {similarity}, 20 detections a picture"),
        f"{kind}_ap_50": Figure("the same at 0.50"),
        f"{kind}_ap_75": Figure("the same at 0.75"),
        f"{kind}_ap_medium": Figure("over 0.50 to 0.95, people of 32 x 32 to 96 x 96 px"),
        f"{kind}_ap_large": Figure("over 0.50 to 0.95, people of at least 96 x 96 px"),
        f"{kind}_ar": Figure("average recall over 0.50 to 0.95"),
    }


FIGURES: dict[str, Figure] = {
    "pve_mm": Figure("mm, mean distance of vertices, roots moved together", True),
    "pa_pve_mm": Figure("mm, mean distance of vertices after a similarity", True),
    "mpjpe_mm": Figure("mm, mean distance of joints, roots moved together", True),
    "pa_mpjpe_mm": Figure("mm, mean distance of joints after a similarity", True),
    "pa_mpjpe_lsp_mm": Figure("the same over the 14 joints of LSP", True),
    "pck3d_150": Figure("share of joints within 150 mm, roots moved together"),
    "auc3d": Figure("mean of that share over 0, 5, ..., 150 mm"),
    "acceleration_mm": Figure("mm / frame^2, mean acceleration of the predicted joints, roots moved together", True),
    "true_acceleration_mm": Figure("the same of the true joints", True),
    "acceleration_error_mm": Figure("mm / frame^2, mean length of the difference of the two", True),
    "pck_02_torso": Figure("share of visible joints within 0.2 of mid-shoulder to mid-hip, at least 1/8 of the box"),
    "pckh_05_neck": Figure("share of visible joints within half of neck to crown (there is no head box)"),
    "pcp_strict": Figure("share of limbs both of whose ends are within half the limb's length"),
    "pdj_02": Figure("share of visible joints within 0.2 of left shoulder to right hip"),
    "pdj_curve": Figure("mean of that share over 0.05, 0.10, ..., 0.50"),
    "oks": Figure("mean object keypoint similarity of COCO's joints, the masks' areas, true boxes"),
    "ap": Figure("average precision over OKS 0.50 to 0.95 by pycocotools; boxes are given and scores equal"),
    "ap_50": Figure("the same at OKS 0.50"),
    "ap_75": Figure("the same at OKS 0.75"),
    "ar": Figure("average recall over OKS 0.50 to 0.95"),
    "mask_iou": Figure("IoU of the projected mesh and the true mask, mean over people"),
    "mask_iou_everybody": Figure("the same over all people with masks, however small or hidden"),
    "mask_f1": Figure("F1 of the projected mesh's pixels, mean over all people with masks"),
    "mask_precision": Figure("share of the projected mesh that is person, mean over all people with masks"),
    "mask_recall": Figure("share of the person that the mesh covers, mean over all people with masks"),
    "fb_seg_accuracy": Figure("share of pixels where projected mesh and mask agree, pooled"),
    "fb_seg_f1": Figure("F1 of person and of background, pooled, then their mean (LSP protocol)"),
    "part6_accuracy": Figure("share of pixels of the right of 6 parts or background, projected mesh, pooled"),
    "part6_f1": Figure("F1 of 6 parts and background, pooled, then their mean (LSP protocol)"),
    "part14_accuracy": Figure("share of the box of the right of DensePose's 14 coarse parts or background, pooled"),
    "part14_f1": Figure("F1 of 14 coarse parts and background, pooled, then their mean"),
    "part24_accuracy": Figure("share of pixels of the right of 24 parts or background, projected mesh, pooled"),
    "part24_f1": Figure("F1 of 24 parts and background, pooled, then their mean"),
    "part24_iou": Figure("IoU of 24 parts and background, pooled, then their mean"),
    "uv_error": Figure("atlas units, mean distance of the net's correspondence over visible pixels", True),
    "iuv_mask_iou": Figure("IoU of the net's own mask"),
    "iuv_part_accuracy": Figure("share of annotated points on the right of 24 parts by the net's correspondence"),
    "gps": Figure("geodesic point similarity of the net's correspondence, normaliser 0.255 m, mean over people"),
    "gps_parts": Figure("the same, normaliser of the annotated part (DensePose-COCO 2019)"),
    "gpsm": Figure("square root of the last times the IoU of the net's own mask"),
    "reprojection_px": Figure("px, mean distance of all projected joints from the exact ones", True),
    "evidence_px": Figure("px, mean distance of projected joints from the given ones, however wrong these are", True),
    "prior_energy": Figure("negative log density of the fitted pose, up to the prior's constant", True),
    "box_recall": Figure("share of people found at IoU 0.5 by sure detections (protocol: min_score)"),
    "box_recall_large": Figure("the same of people of at least 96 x 96 px"),
    "box_recall_any": Figure("share of people found at IoU 0.5 by any detection"),
    "box_precision": Figure("share of sure detections that find somebody at IoU 0.5, in pictures with people"),
    "people_f1": Figure("F1 of sure detections at IoU 0.5 in a picture, mean over pictures with people"),
    "false_positives": Figure("sure detections of nobody per picture", True),
    "false_positives_unseen": Figure("the same, pictures of nobody that training has not seen", True),
    "false_alarm": Figure("share of pictures of nobody with any sure detection", True),
    "false_alarm_unseen": Figure("the same, pictures that training has not seen", True),
    "box_ap": Figure("average precision of boxes over IoU 0.50 to 0.95 by pycocotools, all detections"),
    "box_ap_50": Figure("the same at IoU 0.50"),
    "box_ap_75": Figure("the same at IoU 0.75"),
    "box_ap_medium": Figure("over 0.50 to 0.95, people of 32 x 32 to 96 x 96 px"),
    "box_ap_large": Figure("over 0.50 to 0.95, people of at least 96 x 96 px"),
    "box_ar": Figure("average recall of boxes over IoU 0.50 to 0.95, 100 detections a picture"),
    "found_box_iou": Figure("IoU of the boxes of people found, mean over those people"),
    "found_mask_iou": Figure("IoU of the masks of people found, mean over those people"),
    "found_part_accuracy": Figure("share of points on the right of 24 parts, points of people found"),
    "found_gps": Figure("geodesic point similarity, normaliser of the annotated part, mean over people found"),
    **_dense_figures("gps", "geodesic point similarity (DensePose-COCO 2019)"),
    **_dense_figures("gpsm", "the root of that times the IoU of masks"),
    **_dense_figures("iou", "the IoU of masks"),
}  # fmt: skip

# The first of these that a person has says how good its prediction is, for pictures of the best and the worst.
KEY_FIGURES = ("pve_mm", "mpjpe_mm", "pck_02_torso", "mask_iou_everybody", "mask_iou", "oks", "gps", "people_f1",
               "box_recall_any", "false_positives")  # fmt: skip
