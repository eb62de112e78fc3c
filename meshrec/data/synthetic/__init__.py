"""Synthetic people: posed, dressed, lit and photographed bodies with exact targets."""

from meshrec.data.synthetic.people import SyntheticPeople, SyntheticPeopleConfig

__all__ = ["SyntheticPeople", "SyntheticPeopleConfig"]
