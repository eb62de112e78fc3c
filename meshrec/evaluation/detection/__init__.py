"""How well people are found in whole pictures, and their dense IUV in the boxes.

Synthetic scenes, labelled photographs and pictures without people are all read as labelled scenes. One meter makes a
row of each picture, whatever its labels allow, and the figures follow from the rows as in the rest of the evaluation.
"""
