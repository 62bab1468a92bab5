"""Results as rows of a TSV, and the two Markdown tables made from them."""

import csv
from dataclasses import astuple, dataclass, fields

ALL = "all"


@dataclass
class Result:
    """One model: `budget` is a number of nonzeros, "all", or a setting of the peer's own.

    `nonzeros` and `accuracy` are None where there are none: fastText has no nonzeros to count,
    and a fit that did not finish has neither (`note` says so).
    """

    peer: str
    budget: int | str
    nonzeros: int | None
    bytes: int | None
    accuracy: float | None
    seconds: float
    note: str


COLUMNS = [field.name for field in fields(Result)]


def read(path):
    """The results in `path`, the latest of each peer and budget; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return latest(
            Result(
                row["peer"],
                int(row["budget"]) if row["budget"].isdigit() else row["budget"],
                int(row["nonzeros"]) if row["nonzeros"] else None,
                int(row["bytes"]) if row["bytes"] else None,
                float(row["accuracy"]) if row["accuracy"] else None,
                float(row["seconds"]),
                row["note"],
            )
            for row in rows
        )


def append(path, result):
    """Adds one row in one write: runs of other peers may be adding to the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = list(astuple(result))
    row[4] = "" if result.accuracy is None else f"{result.accuracy:.4f}"
    row[5] = f"{result.seconds:.1f}"
    line = "\t".join("" if cell is None else str(cell) for cell in row) + "\n"
    with path.open("a", encoding="utf-8", newline="") as file:
        if file.tell() == 0:
            line = "\t".join(COLUMNS) + "\n" + line
        file.write(line)


def key(result):
    return result.peer, result.budget


def latest(results):
    """A newer result replaces the older one of its peer and budget."""
    return list({key(result): result for result in results}.values())


def cell(result):
    if result is None:
        return ""
    if result.accuracy is None:
        return result.note
    text = f"{result.accuracy:.3f}"
    if result.budget == ALL and result.nonzeros:
        text += f" ({result.nonzeros:,})"
    return text


def markdown_table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def accuracy_table(results):
    """Held-out accuracy: a row a peer, a column a budget."""
    by_key = {(result.peer, result.budget): result for result in results}
    budgets = sorted({r.budget for r in results if isinstance(r.budget, int)}) + [ALL]
    peers = dict.fromkeys(r.peer for r in results if r.budget == ALL or isinstance(r.budget, int))
    rows = [[peer, *(cell(by_key.get((peer, budget))) for budget in budgets)] for peer in peers]
    return markdown_table(["peer", *map(str, budgets)], rows)


def bytes_table(results):
    """Held-out accuracy by bytes of the model, smallest first."""
    sized = sorted((r for r in results if r.bytes and r.accuracy), key=lambda r: r.bytes)
    rows = [[f"{r.bytes:,}", f"{r.accuracy:.3f}", r.peer, str(r.budget)] for r in sized]
    return markdown_table(["bytes", "accuracy", "peer", "setting"], rows)
