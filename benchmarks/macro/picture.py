"""Small SVG pictures: lines and bars with axes and labels."""
import html
import math

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#7b4b94")


def _text(x: float, y: float, words: str, anchor: str = "middle", colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{html.escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _page(title: str, parts: list[str], height: int = HEIGHT) -> str:
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="sans-serif" font-size="12">')
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', _text(WIDTH / 2, 20, title), *parts, "</svg>", ""])


def _ticks(most: float) -> list[float]:
    """Round values from 0 to `most` or just below, four to ten of them."""
    unit = 10.0 ** math.floor(math.log10(most or 1.0))
    step = next(unit * share for share in (1, 0.5, 0.2, 0.1) if most / (unit * share) >= 4)
    return [step * i for i in range(int(most / step) + 1)]


def lines(title: str, x_title: str, series: dict[str, list[tuple[float, float]]], logarithmic: bool = False) -> str:
    """One line for each name; y from 0, or logarithmic, then all y are above 0."""
    points = [point for line in series.values() for point in line]
    x_most = max(x for x, _ in points) or 1.0
    ys = [y for _, y in points]
    low, high = (math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))) if logarithmic else (0.0, max(ys) or 1.0)
    high = high if high > low else low + 1

    def place(x: float, y: float) -> tuple[float, float]:
        share = ((math.log10(y) if logarithmic else y) - low) / (high - low)
        return LEFT + (WIDTH - LEFT - RIGHT) * x / x_most, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = []
    for y in [10.0 ** e for e in range(int(low), int(high) + 1)] if logarithmic else _ticks(high):
        parts += [_line(LEFT, place(0, y)[1], WIDTH - RIGHT, place(0, y)[1], "#ddd"), _text(LEFT - 6, place(0, y)[1] + 4, f"{y:g}", "end")]
    for x in _ticks(x_most):
        parts.append(_text(LEFT + (WIDTH - LEFT - RIGHT) * x / x_most, HEIGHT - BOTTOM + 18, f"{x:g}"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_title))
    for i, (name, line) in enumerate(series.items()):
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
        colour = COLOURS[i % len(COLOURS)]
        parts += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
                  _text(WIDTH - RIGHT - 4, TOP + 14 + 16 * i, name, "end", colour)]
    return _page(title, parts)


def bars(title: str, values: dict[str, float]) -> str:
    """One bar across for each name, its value at its end."""
    left, most, step = 250, max(values.values()) or 1.0, 30
    parts = []
    for i, (name, value) in enumerate(values.items()):
        y, length = TOP + step * i, (WIDTH - left - 70) * value / most
        parts += [f'<rect x="{left}" y="{y}" width="{length:.1f}" height="20" fill="{COLOURS[0]}"/>',
                  _text(left - 6, y + 14, name, "end"), _text(left + length + 6, y + 14, f"{value:.3g}", "start")]
    return _page(title, parts, TOP + step * len(values) + 10)
