"""Runs, tables, data sets and dataflows of a datlake server.

>>> from datlake_sdk import DatlakeClient, JobContext
>>> client = DatlakeClient("http://127.0.0.1:8000", "dlt_…")  # doctest: +SKIP
>>> with JobContext(client, "daily") as job:  # doctest: +SKIP
...     job.register_snapshot("users", "s3://bucket/users.parquet")
"""

from .client import DatlakeClient
from .dataflows import DataflowRun, ReadyDataflowSource, ZoneDataFlowCoordinator
from .errors import ErrorKind, SDKError
from .job import JobContext
from .models import Artifact, Item, Run, Snapshot
from .result import Err, Ok, Result
from .settings import ErrorStrategy, RetryPolicy

__all__ = [
    "Artifact",
    "DataflowRun",
    "DatlakeClient",
    "Err",
    "ErrorKind",
    "ErrorStrategy",
    "Item",
    "JobContext",
    "Ok",
    "ReadyDataflowSource",
    "Result",
    "RetryPolicy",
    "Run",
    "SDKError",
    "Snapshot",
    "ZoneDataFlowCoordinator",
]
