"""The colours a heat map is laid over a picture in: the lamp's red, from nothing to a warm glow."""

from functools import cache

# (place, red, green, blue, alpha), brighter all the way, so that stronger is told from weaker without hues.
_STOPS = (
    (0.0, 110, 14, 22, 0.0),
    (0.3, 140, 22, 32, 0.3),
    (0.6, 214, 56, 62, 0.7),
    (0.85, 255, 142, 96, 0.88),
    (1.0, 255, 226, 178, 0.95),
)
DIMMED = 0.55  # how bright the picture under it stays: a white one would drown the glow


@cache
def ramp() -> tuple[tuple[int, int, int, int], ...]:
    """256 colours, (red, green, blue, alpha), each 0 to 255."""
    found = []
    for value in range(256):
        place = value / 255
        upper = next(n for n, stop in enumerate(_STOPS) if place <= stop[0] and n > 0)
        low, high = _STOPS[upper - 1], _STOPS[upper]
        share = (place - low[0]) / (high[0] - low[0])
        mixed = [a + (b - a) * share for a, b in zip(low[1:], high[1:], strict=True)]
        found.append((round(mixed[0]), round(mixed[1]), round(mixed[2]), round(255 * mixed[3])))
    return tuple(found)
