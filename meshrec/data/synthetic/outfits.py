"""Who wears what: a choice of pieces for every person, by sex, kind and habit."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_LITTLE = ("swimwear", "underwear")
# Habits of dress above the painted suit, with their shares.
_STYLES = {
    "painted": (0.22, ()),
    "outfit": (0.38, (("outfit",),)),
    "separates": (0.24, (("top",), ("trousers", "shorts", "skirt"))),
    "dress": (0.12, (("dress",),)),
    "swimwear": (0.04, (_LITTLE,)),
}
_ALSO = {"shoes": 0.8, "coat": 0.1, "glasses": 0.1, "sleeves": 0.04}
_SKIRTED_MEN = 0.05  # share of the choices that ignore the sex a piece was made for
_HAT, _BALD = 0.12, 0.08


class Dresser:
    """Chooses pieces.

    Args:
        kinds, sexes: of all pieces; the first is the body and is never chosen.
    """

    def __init__(self, kinds: Sequence[str], sexes: Sequence[str]) -> None:
        self.sexes = tuple(sexes)
        self.by_kind: dict[str, list[int]] = {}
        for number, kind in enumerate(kinds):
            if number:
                self.by_kind.setdefault(kind, []).append(number)

    def dress(self, count: int, seed: int) -> list[tuple[int, ...]]:
        """Pieces of each person, none twice; people without any wear their painted suit alone."""
        random = Random(seed)
        return [self._person(random) for _ in range(count)] if self.by_kind else [()] * count

    def wears_little(self, pieces: tuple[int, ...]) -> bool:
        """Whether someone in these pieces would look odd in painted clothes below."""
        return any(number in self.by_kind.get(kind, ()) for kind in _LITTLE for number in pieces)

    def _person(self, random: Random) -> tuple[int, ...]:
        sex = random.choice(("female", "male"))
        style = random.choices(list(_STYLES), [share for share, _ in _STYLES.values()])[0]
        slots = list(_STYLES[style][1])
        slots += [
            (kind,)
            for kind, share in _ALSO.items()
            if random.random() < share and (style, kind) != ("swimwear", "coat")
        ]
        head = random.random()
        if head < _HAT:
            slots.append(("hat",))
        elif head < 1 - _BALD:
            slots.append(("hair",))
        chosen = [self._choose(kinds, sex, random) for kinds in slots]
        return tuple(number for number in chosen if number is not None)

    def _choose(self, kinds: tuple[str, ...], sex: str, random: Random) -> int | None:
        candidates = [number for kind in kinds for number in self.by_kind.get(kind, ())]
        if random.random() >= _SKIRTED_MEN:
            candidates = [number for number in candidates if self.sexes[number] in (sex, "unisex")]
        return random.choice(candidates) if candidates else None
