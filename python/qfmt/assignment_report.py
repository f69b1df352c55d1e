# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Why each layer got its formats: one HTML file with its pictures inside.

Input:  the report of qfmt-assign-formats, and a front (assignment.sweep) if there is one.
"""

import base64
import html
import io
import re

from qfmt.assignment import Point

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: 0.2em 0.8em; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
img { max-width: 100%; }
""".strip()
UNITS = {
    "bytes": "bytes of weights",
    "activation_bytes": "bytes of activations at once",
    "bit_operations": "bit operations",
    "ms": "milliseconds",
    "luts": "LUTs",
}


def render(report: dict, front: list[Point] | None = None, cost: str = "bytes") -> str:
    """The HTML file. `cost` is what the front is drawn over, and the layers' costs."""
    parts = [
        "<h1>Formats by layer</h1>",
        summary_table(report),
    ]
    if front:
        parts += [f"<h2>Damage over {unit(cost)}</h2>", picture(draw_front, report, front, cost)]
    parts += [
        "<h2>Bits of a weight and of what it multiplies</h2>",
        picture(draw_bits, report),
        "<h2>Damage and cost of each layer</h2>",
        picture(draw_layers, report, cost),
        "<h2>Why each layer got what it got</h2>",
        "<p>Of the formats that do less damage the next better one saves least, all other "
        "layers left as they are.</p>",
        layer_table(report, cost),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Formats by layer</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def unit(cost: str) -> str:
    return UNITS.get(cost, cost)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}" if abs(value) < 1e5 else f"{value:.0f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Cells are text, not HTML."""

    def line(tag: str, cells: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    body = [line("td", row) for row in rows]
    return "<table>\n" + "\n".join([line("th", head), *body]) + "\n</table>"


def summary_table(report: dict) -> str:
    rows = [
        ["status", report["status"]],
        ["damage, measured as", report["damage"]],
        ["damage", number(report["objective"])],
        ["no assignment has less than", number(report["bound"])],
        ["solver", report["solver"]],
    ]
    if pairs := report.get("pairwise"):
        rows.append(["of it beyond the layers' own, by pairs", number(sum(p["damage"] for p in pairs))])
    if whole := report.get("refinement"):
        rows.append(
            [
                f"damage of the whole network ({whole['loss']}, best of {whole['runs']}; before)",
                f"{number(whole['after'])} ({number(whole['before'])})",
            ]
        )
    for name, use in report["budgets"].items():
        rows.append([f"{unit(name)}, used of {number(use['limit'])}", number(use["used"])])
    for name, value in report["costs"].items():
        if name not in report["budgets"]:
            rows.append([unit(name), number(value)])
    return table(["", ""], rows)


def layer_table(report: dict, cost: str) -> str:
    rows = []
    for layer in report["layers"]:
        better = layer["next_better"]
        row = [
            layer["name"],
            layer["format"],
            number(layer["damage"]),
            number(layer["costs"].get(cost)),
        ]
        row += describe_better(better, cost) if better else ["", "", "", "nothing is better"]
        rows.append(row)
    head = ["layer", "format", "damage", unit(cost)]
    head += ["next better", "damage saved", f"more {unit(cost)}", ""]
    return table(head, rows)


def describe_better(better: dict, cost: str) -> list[str]:
    exceeds = ", ".join(f"{number(by)} {unit(n)}" for n, by in better["exceeds"].items())
    return [
        better["format"],
        number(better["damage_saved"]),
        number(better["extra_costs"].get(cost)),
        f"beyond the budget by {exceeds}" if exceeds else "within the budgets",
    ]


def format_bits(text: str) -> float | None:
    """Of one code of a format as users write it; none if its text does not tell."""
    # A scale rule, a master, an encoding: "i4@i8:mse", "#qfmt.scaled<!qfmt.fixed<8, 4>>".
    text = re.sub(r"(?:@\w+)?(?::\w+)?$", "", text).removeprefix("#qfmt.scaled<")
    if found := re.fullmatch(r"(?:u?i|f|bf)(\d+)(?:E.*)?", text):
        return float(found[1])
    if found := re.match(r"!qfmt\.float<(\d+), ?(\d+)", text):
        return float(found[1]) + float(found[2]) + 1
    if found := re.match(r"!qfmt\.(?:power|fixed|khot)<(\d+)|(?:!qfmt\.int<)?u?i(\d+)[,>]", text):
        return float(found[1] or found[2])
    if found := re.search(r"(\d+)(?:_g\d+)?$", text):
        return float(found[1])
    return None


# --- Pictures ---------------------------------------------------------------------


def picture(draw, *arguments) -> str:
    """An <img> with what `draw(axes, ...)` draws."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4))
    draw(axes, *arguments)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    buffer = io.BytesIO()
    # The same bytes from the same figures.
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def draw_front(axes, report: dict, front: list[Point], cost: str) -> None:
    axes.step(
        [point.cost for point in front],
        [point.objective for point in front],
        where="post",
        marker=".",
        color="#4878a8",
        label="least damage",
    )
    if cost in report["costs"] or cost in report["budgets"]:
        used = report["budgets"].get(cost, {}).get("used", report["costs"].get(cost))
        axes.plot([used], [report["objective"]], "o", color="#c04030", label="chosen")
    if all(point.objective > 0 for point in front):
        axes.set_yscale("log")
    axes.set_xlabel(unit(cost))
    axes.set_ylabel("damage")
    axes.legend(frameon=False)


def name_layers(axes, report: dict) -> list[int]:
    """Layers along the x axis; returns their places."""
    places = list(range(len(report["layers"])))
    axes.set_xticks(places)
    names = [layer["name"] for layer in report["layers"]]
    axes.set_xticklabels(names, rotation=45, ha="right", fontsize=7)
    return places


def draw_bits(axes, report: dict) -> None:
    places = name_layers(axes, report)
    sides = [layer["format"].rpartition("/") for layer in report["layers"]]
    for shift, (label, color, texts) in enumerate(
        [
            ("weights", "#4878a8", [side[0] for side in sides]),
            ("activations", "#d0a040", [side[2] for side in sides]),
        ]
    ):
        bits = [32.0 if text == "f32" else format_bits(text) for text in texts]
        bars = axes.bar(
            [place + 0.4 * shift for place in places],
            [b or 0 for b in bits],
            width=0.4,
            color=color,
            label=label,
        )
        names = [text if len(text) < 10 else "" for text in texts]
        axes.bar_label(bars, names, fontsize=6, rotation=90, padding=2)
    axes.set_ylabel("bits of a code")
    axes.margins(y=0.1)
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))


def draw_layers(axes, report: dict, cost: str) -> None:
    places = name_layers(axes, report)
    axes.bar(places, [layer["damage"] for layer in report["layers"]], width=0.4, color="#c04030")
    axes.set_ylabel("damage", color="#c04030")
    costs = [layer["costs"].get(cost) for layer in report["layers"]]
    if None in costs:
        return
    other = axes.twinx()
    other.bar([p + 0.4 for p in places], costs, width=0.4, color="#4878a8")
    other.set_ylabel(unit(cost), color="#4878a8")
    other.spines[["top"]].set_visible(False)
