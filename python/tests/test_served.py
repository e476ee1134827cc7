"""Against a server: its address and a token are in the environment."""

import contextlib
import io
import json
import os
import re
import runpy
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path
from unittest import mock

from datlake_sdk import DatlakeClient, ErrorKind, ErrorStrategy, JobContext, SDKError, ZoneDataFlowCoordinator
from datlake_sdk.functional import complete_run, fetch_latest_uri, register_snapshot, start_run
from datlake_sdk.requests import Request
from datlake_sdk.result import Err, Ok, and_then

from support import QUICK

URL, TOKEN = os.environ["DATLAKE_API_URL"], os.environ["DATLAKE_API_KEY"]
SOURCES = Path(__file__).parent.parent
EXAMPLES = SOURCES / "examples"
PAGE = SOURCES.parent / "docs" / "guide" / "python.md"


class Served(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.client = DatlakeClient(URL, TOKEN, retry=QUICK, outbox=self.folder / "outbox")
        self.addCleanup(self.client.close)

    def example(self, name, *arguments):
        """What an example prints."""
        before, said = sys.argv, io.StringIO()
        sys.argv = [name, *arguments]
        try:
            with contextlib.redirect_stdout(said):
                runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        finally:
            sys.argv = before
        return said.getvalue().splitlines()


class Jobs(Served):
    def put_users(self):
        with JobContext(self.client, "ingest_users") as job:
            job.register_snapshot("users_raw", "s3://bucket/raw.parquet", format="parquet", schema={"id": "int"})

    def test_a_block_in_the_command_of_a_worker(self):
        run = self.client.start_run("of_a_worker")
        variables = {"DATLAKE_RUN_ID": run.run_id, "DATLAKE_JOB": "of_a_worker"}
        with mock.patch.dict(os.environ, variables), JobContext(self.client, "of_a_worker") as job:
            job.register_snapshot("of_a_worker", "s3://bucket/of-a-worker.parquet")
            job.add_artifact("report", "s3://reports/1")
        found = self.client.get_run("of_a_worker", run.run_id)
        self.assertEqual((found.state, [one.type for one in found.artifacts]), ("running", ["report"]))
        self.assertEqual([item.name for item in found.outputs], ["of_a_worker"])

    def test_the_program_of_a_lineage_job(self):
        self.put_users()

        def load_users(uri):
            self.assertEqual(uri, "s3://bucket/raw.parquet")
            return [1, 2, 3]

        def write_users_curated(df):
            return f"s3://bucket/curated-{len(df)}.parquet"

        client = DatlakeClient(base_url=URL, api_key=TOKEN)
        self.addCleanup(client.close)
        log = self.folder / "run.log"
        log.write_text("began\n")
        with JobContext(
            client, job_name="daily_users", ship_logs=True, log_path=str(log), artifact_bucket="datlake-artifacts"
        ) as job:
            src_uri = job.get_table_latest_uri("users_raw")
            df = load_users(src_uri)
            out_uri = write_users_curated(df)
            job.register_snapshot("users_curated", out_uri, format="parquet")
            job.log_event("stats", {"rows": len(df)})
        run = client.get_run("daily_users", job.run_id)
        self.assertEqual(run.state, "succeeded")
        self.assertEqual([(item.kind, item.name) for item in run.inputs], [("table", "users_raw")])
        self.assertEqual(
            [(item.kind, item.name, item.uri) for item in run.outputs], [("table", "users_curated", out_uri)]
        )
        self.assertEqual([artifact.type for artifact in run.artifacts], ["log"])
        client.get_dataset("datlake-artifacts", f"jobs/daily_users/{run.run_id}/run.log", self.folder / "read")
        self.assertEqual((self.folder / "read").read_text(), "began\n")
        self.assertEqual(client.latest_snapshot("users_curated").uri, out_uri)

    def test_the_program_of_a_lineage_job_in_values(self):
        self.put_users()
        client = self.client
        r0 = start_run(client, "daily_users")
        r1 = and_then(r0, lambda run: fetch_latest_uri(client, run, "users_raw"))
        transform = lambda u: Ok(u.uri + ".curated")  # noqa: E731
        r2 = and_then(r1, transform)
        r3 = and_then(r2, lambda uri: register_snapshot(client, r0.value, "users_curated", uri, format="parquet"))
        done = complete_run(client, r0.value, success=isinstance(r3, Ok))
        self.assertEqual((done.value.state, r3.value.uri), ("succeeded", "s3://bucket/raw.parquet.curated"))
        self.assertEqual(fetch_latest_uri(client, r0.value, "none-" + uuid.uuid4().hex).error.kind, ErrorKind.NOT_FOUND)
        again = complete_run(client, r0.value, success=True)
        self.assertIsInstance(again, Ok)
        other = complete_run(client, r0.value, success=False)
        self.assertEqual((type(other), other.error.kind), (Err, ErrorKind.CONFLICT))

    def test_a_run_that_waited_is_there_once_with_all_that_it_said(self):
        job_name = "offline-" + uuid.uuid4().hex
        gone = DatlakeClient(
            URL,
            TOKEN,
            strategy=ErrorStrategy.SUPPRESS_TRANSIENT,
            retry=QUICK,
            outbox=self.folder / "outbox",
            transport=Gone(),
        )
        with JobContext(gone, job_name, ship_logs=True) as job:
            job.register_snapshot(job_name, "s3://bucket/late", format="csv")
            job.log_event("stats", {})
        entries = {path: path.read_text() for path in (gone.outbox.folder / "entries").iterdir()}
        self.assertEqual((len(entries), self.client.send_outbox()), (5, 0))
        # As if it had died before it removed them: all but the log, which is gone.
        for path, text in entries.items():
            if json.loads(text)["content"] is None:
                path.write_text(text)
        self.assertEqual((self.client.send_outbox(), self.client.outbox.refused()), (0, []))
        runs = self.client.ask(Request("GET", f"/jobs/{job_name}/runs"))["results"]
        run = self.client.get_run(job_name, gone.resolved(job.run.run_id))
        self.assertEqual(([one["run_id"] for one in runs], run.state), ([run.run_id], "succeeded"))
        snapshots = self.client.ask(Request("GET", f"/tables/{job_name}/snapshots"))["results"]
        self.assertEqual([one["run_id"] for one in snapshots], [run.run_id])
        self.assertEqual(run.artifacts[0].uri.split("/")[-2], run.run_id)

    def test_the_page(self):
        """What the guide shows runs as it stands there."""
        blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
        with JobContext(self.client, "orders") as job:
            job.register_snapshot("orders", "s3://bucket/orders.parquet")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            for block in blocks:
                exec(block, {"total": lambda *_: None})
        self.assertEqual((len(blocks), said.getvalue()), (2, "raw invoices day=2026-11-01 10\n"))

    def test_the_example(self):
        orders = self.folder / "orders.csv"
        orders.write_text("customer,amount\nada,1\nbob,2\nada,3\n")
        (run_id,) = self.example("daily_totals", str(orders), str(self.folder / "totals.csv"))
        self.assertEqual((self.folder / "totals.csv").read_text().split(), ["customer,amount", "ada,4", "bob,2"])
        self.assertEqual(self.client.get_run("daily_totals", run_id).state, "succeeded")
        self.client.get_dataset("datlake-artifacts", f"jobs/daily_totals/{run_id}/run.log", self.folder / "log")
        self.assertIn("3 rows", (self.folder / "log").read_text())


class Gone:
    """A server that is not there."""

    def handle_request(self, request):
        import httpx

        raise httpx.ConnectError("gone", request=request)

    def close(self):
        pass


class Dataflows(Served):
    def setUp(self):
        super().setUp()
        self.coordinator = ZoneDataFlowCoordinator(URL, TOKEN, retry=QUICK)
        self.addCleanup(self.coordinator.close)

    def test_the_program_of_two_zones(self):
        dataflow_coord, key = self.coordinator, uuid.uuid4().hex
        dataflow_proc_rz = dataflow_coord.create_dataflow("rz", "billing4", "acme", key)
        dataflow_proc_sz = dataflow_coord.create_dataflow("sz", "consol_billing5", "key1", key)
        self.assertEqual(dataflow_coord.create_dataflow("rz", "billing4", "acme", key), dataflow_proc_rz)
        dataflow_coord.associate_source_to_target(dataflow_proc_rz, dataflow_proc_sz)
        start_run_info_rz = dataflow_coord.start_dataflow_run_with_id(dataflow_proc_rz)
        self.assertEqual(len(start_run_info_rz.dataflow_queue_list), 0)
        dataflow_coord.finish_dataflow_run(
            "success",
            start_run_info_rz.run_id,
            record_count=89898,
            dataflow_batch_run_id="batchID123456",
            dataflow_partition_key="import_date=2019-01-01",
        )
        found = dataflow_coord.fetch_ready_dataflow_source_by_target_id(dataflow_proc_sz)
        start_result_sz = dataflow_coord.start_dataflow_run_with_id(dataflow_proc_sz)
        for ready_source_run in [*found, *start_result_sz.dataflow_queue_list]:
            self.assertEqual(
                (
                    ready_source_run.target_dataflow_id,
                    ready_source_run.source_dataflow_id,
                    ready_source_run.zone,
                    ready_source_run.dataflow_batch_run_id,
                    ready_source_run.dataflow_partition_key,
                    ready_source_run.record_count,
                    ready_source_run.model_name,
                    ready_source_run.model_key,
                    ready_source_run.model_sec_key,
                ),
                (
                    dataflow_proc_sz,
                    dataflow_proc_rz,
                    "rz",
                    "batchID123456",
                    "import_date=2019-01-01",
                    89898,
                    "billing4",
                    "acme",
                    key,
                ),
            )
        self.assertEqual((len(found), len(start_result_sz.dataflow_queue_list)), (1, 1))
        self.assertEqual(dataflow_coord.fetch_ready_dataflow_source_by_target_id(dataflow_proc_sz), [])
        finish = ["success", start_result_sz.run_id, 103, "batchID89898989", "some_partition_key"]
        dataflow_coord.finish_dataflow_run(*finish)
        dataflow_coord.finish_dataflow_run(*finish)
        with self.assertRaises(SDKError) as raised:
            dataflow_coord.finish_dataflow_run("success", start_result_sz.run_id, 104)
        self.assertEqual(raised.exception.kind, ErrorKind.CONFLICT)
        with self.assertRaises(SDKError) as raised:
            dataflow_coord.associate_source_to_target(dataflow_proc_sz, dataflow_proc_rz)
        self.assertIn(f"rz/billing4/acme/{key}", str(raised.exception))

    def test_the_example(self):
        for _ in range(2):
            said = self.example("two_zones")
            self.assertEqual(said, ["raw invoices day=2026-11-01 10", "raw invoices day=2026-11-02 10"])

    def test_heartbeats_keep_what_a_run_has_claimed(self):
        run = self.coordinator.start_dataflow_run_with_id(self.coordinator.create_dataflow("zone", "beats"))
        self.assertEqual(list(self.coordinator.client.heartbeats._runs), [run.run_id])
        before = self.client.get_run(run.job_name, run.run_id).lease_until
        time.sleep(0.01)
        self.coordinator.client.heartbeat(run.job_name, run.run_id)
        self.assertGreater(self.client.get_run(run.job_name, run.run_id).lease_until, before)
        self.coordinator.finish_dataflow_run("failure", run.run_id)
        self.assertEqual(self.coordinator.client.heartbeats._runs, {})
        self.assertEqual(self.client.get_run(run.job_name, run.run_id).state, "failed")


if __name__ == "__main__":
    unittest.main()
