"""The one table of a run."""
import sys
from dataclasses import dataclass


@dataclass
class Row:
    server: str
    load: str
    rate: float | None = None
    """Operations per second."""
    cpu: float | None = None
    """Microseconds of the server's CPU time per operation."""
    memory: float | None = None
    """In `memory_unit`."""
    memory_unit: str = "MB"
    note: str = ""
    failed: bool = False


class Table:
    """Rows as they come; the last column compares each row of portside's with its peer's of the same load."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(f"{row.load}: {row.server} done", file=sys.stderr)

    @property
    def has_failures(self) -> bool:
        return any(row.failed for row in self.rows)

    def _ratio(self, row: Row) -> str:
        """Portside's cost by each peer's: below 1, portside is the cheaper one."""
        if not row.server.startswith("portside"):
            return ""
        parts = []
        for peer in self.rows:
            if peer.load != row.load or peer.server.startswith("portside"):
                continue
            if row.cpu is not None and peer.cpu:
                parts.append(f"{row.cpu / peer.cpu:.2f} {peer.server}")
            elif row.cpu is None and row.memory is not None and peer.memory:
                parts.append(f"{row.memory / peer.memory:.2f} {peer.server}")
        return ", ".join(parts)

    def show(self) -> None:
        def number(value: float | None, digits: int = 0) -> str:
            return "" if value is None else f"{value:.{digits}f}"

        lines = [("server", "load", "rate/s", "CPU µs/op", "memory", "cost by peer's", "note")]
        for row in self.rows:
            memory = "" if row.memory is None else f"{row.memory:.1f} {row.memory_unit}"
            lines.append(
                (row.server, row.load, number(row.rate), number(row.cpu, 2), memory, self._ratio(row), row.note))
        widths = [max(len(line[column]) for line in lines) for column in range(7)]
        for index, line in enumerate(lines):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
            if index == 0:
                print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
