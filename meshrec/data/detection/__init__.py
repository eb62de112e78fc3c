"""Whole pictures with everybody in them, for training detectors: photographs, COCO-DensePose, and synthetic scenes."""
