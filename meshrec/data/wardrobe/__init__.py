"""Clothes, hair and skins for synthetic people: layers over the body, read from the file that `build` makes."""
