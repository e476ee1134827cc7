"""A job that reads one table and writes another, with its run, its log and what it counted on the server.

DATLAKE_API_URL=http://127.0.0.1:8000 DATLAKE_API_KEY=dlt_… python examples/daily_totals.py orders.csv totals.csv
"""

from __future__ import annotations

import csv
import logging
import sys
from collections import Counter
from pathlib import Path

from datlake_sdk import DatlakeClient, JobContext

log = logging.getLogger("daily_totals")


def total(source: Path, into: Path) -> int:
    """Adds up the amounts of each customer; how many rows these were."""
    totals: Counter[str] = Counter()
    rows = 0
    with source.open(newline="") as file:
        for row in csv.DictReader(file):
            totals[row["customer"]] += int(row["amount"])
            rows += 1
    with into.open("w", newline="") as file:
        csv.writer(file).writerows([("customer", "amount"), *sorted(totals.items())])
    return rows


def main() -> None:
    source, into = Path(sys.argv[1]), Path(sys.argv[2])
    with DatlakeClient() as client, JobContext(client, "daily_totals", ship_logs=True) as job:
        rows = total(source, into)
        log.warning("%s: %d rows", source, rows)
        job.register_snapshot("totals", into.absolute().as_uri(), format="csv")
        job.log_event("counted", {"rows": rows})
    print(job.run_id)


if __name__ == "__main__":
    main()
