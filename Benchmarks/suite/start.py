"""`portside try` with its data there: time to the ready line, and memory of all processes when nothing happens."""
import time

from .machine import folder, memory
from .portside import portside, prepare
from .table import Row, Table

ROUNDS = 5


def run(binary: str, seconds: int, table: Table) -> None:
    with folder() as work:
        prepare(binary, work / "data")
        times = []
        for _ in range(ROUNDS):
            begin = time.monotonic()
            with portside(binary, work / "data") as server:
                times.append(time.monotonic() - begin)
                time.sleep(1)
                pids = server.processes
                resident, proportional = memory(pids, "Rss"), memory(pids, "Pss")
        times.sort()
        milliseconds = f"ready after {times[ROUNDS // 2] * 1000:.0f} ms ({times[0] * 1000:.0f} at best)"
        table.add(Row("portside", "try", memory=proportional / 1e6, memory_unit="MB PSS",
                      note=f"{milliseconds}; {len(pids)} processes, {resident / 1e6:.0f} MB RSS"))
