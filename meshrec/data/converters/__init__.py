"""Public data sets to the one schema of labelled people, one file per layout.

Every module has ``PATTERNS``, which of a folder's files it converts, and ``convert(path, root)``, which makes
``Annotations`` of one such file; image paths start from ``root``. Only facts about layouts are in here: the data sets
themselves come from their authors, under their terms.
"""
