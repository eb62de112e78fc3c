"""DensePose-RCNN: finds people in a photo and says for each pixel of their boxes which surface point it shows.

Detector and chart heads of detectron2's DensePose project (Apache-2.0) on torchvision's operators; its checkpoints load
unmodified. The same classes with a narrower net make the light model.
"""
