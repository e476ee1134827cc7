"""Runs around blocks and as values, with each strategy, against a server that fails when it is to."""

import logging
import os
import tempfile
import threading
import time
import unittest
import uuid
from pathlib import Path
from unittest import mock

from datlake_sdk import Err, ErrorKind, ErrorStrategy, JobContext, Ok, SDKError
from datlake_sdk.functional import complete_run, fetch_latest_uri, log_event, register_snapshot, start_run
from datlake_sdk.result import and_then

from support import Server, client


class Served(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.server = Server()
        self.addCleanup(self.server.end)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def client(self, strategy=ErrorStrategy.FAIL_FAST):
        made = client(self.server.url, self.folder / "outbox", strategy)
        self.addCleanup(made.close)
        return made

    def wait_for(self, is_so):
        until = time.monotonic() + 20
        while not is_so():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)


class Blocks(Served):
    def test_a_run_starts_and_ends_with_its_block_and_ships_its_log(self):
        log = self.folder / "run.log"
        log.write_text("line\n")
        with JobContext(self.client(), "daily", True, str(log), "logs", metadata={"day": 1}) as job:
            self.assertEqual(job.get_table_latest_uri("raw"), "s3://bucket/raw")
            job.register_snapshot("curated", "s3://b/c.parquet", format="parquet", schema={"a": "int"})
            job.log_event("stats", {"rows": 3})
            run_id = job.run_id
            self.wait_for(lambda: len([path for _, path, _ in self.server.came if path.endswith("/heartbeat")]) > 1)
        self.assertEqual(
            self.server.paths(),
            [
                "POST /jobs/daily/runs",
                f"GET /tables/raw/snapshots/latest?run_id={run_id}",
                "POST /jobs/register-snapshot",
                "POST /jobs/daily/runs/RUN/events",
                "PUT /datasets/logs/jobs/daily/RUN/run.log",
                "PUT /jobs/daily/runs/RUN/complete",
            ],
        )
        self.assertEqual(self.server.bodies("run.log"), [b"line\n"])
        uri = f"lake://logs/jobs/daily/{run_id}/run.log"
        self.assertEqual(
            self.server.bodies("/complete"), [{"success": True, "artifacts": [{"type": "log", "uri": uri}]}]
        )
        # The thread of the heartbeats ends with the last run.
        self.wait_for(lambda: all(thread.name != "datlake-heartbeats" for thread in threading.enumerate()))

    def test_a_block_belongs_to_the_run_that_a_worker_has(self):
        run_id = str(uuid.uuid4())
        with mock.patch.dict(os.environ, {"DATLAKE_RUN_ID": run_id, "DATLAKE_JOB": "daily"}):
            with self.assertRaises(ZeroDivisionError), JobContext(self.client(), "daily", metadata={"day": 1}) as job:
                self.assertEqual(job.run_id, run_id)
                job.log_event("stats")
                job.add_artifact("report", "s3://reports/1")
                raise ZeroDivisionError("the worker sees that the program fails")
            with JobContext(self.client(), "another"):
                pass
        self.assertEqual(
            self.server.paths(),
            [
                "POST /jobs/daily/runs/RUN/events",
                "POST /jobs/daily/runs/RUN/artifacts",
                "POST /jobs/another/runs",
                "PUT /jobs/another/runs/RUN/complete",
            ],
        )
        self.assertEqual(
            self.server.bodies("/artifacts"), [{"artifacts": [{"type": "report", "uri": "s3://reports/1"}]}]
        )

    def test_what_is_raised_fails_the_run_and_is_raised(self):
        with self.assertRaises(ZeroDivisionError), JobContext(self.client(), "daily"):
            raise ZeroDivisionError("division by zero")
        with self.assertRaises(SystemExit), JobContext(self.client(), "daily"):
            raise SystemExit(0)
        first, second = self.server.bodies("/complete")
        self.assertEqual((first["success"], second["success"]), (False, True))
        self.assertEqual(first["metadata"]["error"], {"type": "ZeroDivisionError", "message": "division by zero"})

    def test_what_is_logged_is_shipped_where_there_is_no_file(self):
        with JobContext(self.client(), "daily", ship_logs=True):
            logging.getLogger("mine").error("something %s", "odd")
        (log,) = self.server.bodies("run.log")
        self.assertRegex(log.decode(), r"ERROR mine: something odd\n$")
        self.assertEqual(
            [type(handler) for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)], []
        )

    def test_a_log_that_is_not_there_fails_nothing(self):
        with JobContext(self.client(), "daily", ship_logs=True, log_path=self.folder / "none"):
            pass
        self.assertEqual(self.server.bodies("/complete"), [{"success": True, "artifacts": []}])

    def test_strategies(self):
        with self.assertRaises(SDKError) as raised, JobContext(self.client(), "daily") as job:
            job.get_table_latest_uri("none")
        self.assertEqual(raised.exception.kind, ErrorKind.NOT_FOUND)
        self.assertEqual(self.server.bodies("/complete")[-1]["success"], False)
        with JobContext(self.client(ErrorStrategy.CONTINUE_ON_NOT_FOUND), "daily") as job:
            self.assertIsNone(job.get_table_latest_uri("none"))
            self.server.status = 503
            with self.assertRaises(SDKError):
                job.log_event("stats", {})
            self.server.status = None
        with JobContext(self.client(ErrorStrategy.SUPPRESS_TRANSIENT), "daily") as job:
            with self.assertRaises(SDKError):
                job.get_table_latest_uri("none")
            self.server.status = 503
            self.assertIsNone(job.get_table_latest_uri("raw"))
            self.server.status = 403
            with self.assertRaises(SDKError):
                job.log_event("stats", {})
            self.server.status = None
        # What the block raised is not hidden by a server that is gone.
        job = JobContext(self.client(), "daily")
        with self.assertRaises(ZeroDivisionError), job:
            self.server.status = 503
            raise ZeroDivisionError("division by zero")
        self.server.status = None
        job = JobContext(self.client(), "daily")
        with self.assertRaises(SDKError), job:
            self.server.status = 503

    def test_a_server_that_is_gone_from_the_start_hears_of_all_of_it_later_and_in_order(self):
        self.server.status = 503
        made = self.client(ErrorStrategy.SUPPRESS_TRANSIENT)
        log = self.folder / "run.log"
        log.write_text("line\n")
        with JobContext(made, "daily", ship_logs=True, log_path=log) as job:
            self.assertTrue(job.run.pending)
            self.assertIsNone(job.get_table_latest_uri("raw"))
            self.assertTrue(job.register_snapshot("curated", "s3://b/c.parquet").pending)
            job.log_event("stats", {"rows": 3})
        self.assertEqual((self.server.taken, len(made.outbox.waiting())), ([], 5))
        log.unlink()
        self.server.status = None
        # Another process, some day.
        self.assertEqual(self.client(ErrorStrategy.FAIL_FAST).send_outbox(), 0)
        self.assertEqual(
            self.server.paths(),
            [
                "POST /jobs/daily/runs",
                "POST /jobs/register-snapshot",
                "POST /jobs/daily/runs/RUN/events",
                "PUT /datasets/datlake-artifacts/jobs/daily/RUN/run.log",
                "PUT /jobs/daily/runs/RUN/complete",
            ],
        )
        run_id = self.server.taken[-1][1].split("/")[4]
        self.assertEqual(
            (made.resolved(job.run.run_id), self.server.bodies("register-snapshot")[0]["run_id"]), (run_id, run_id)
        )
        self.assertEqual(self.server.bodies("run.log"), [b"line\n"])
        self.assertIn(run_id, self.server.bodies("/complete")[0]["artifacts"][0]["uri"])

    def test_a_server_that_comes_back_hears_of_it_within_the_run(self):
        self.server.status = 503
        made = self.client(ErrorStrategy.SUPPRESS_TRANSIENT)
        with JobContext(made, "daily") as job:
            self.server.status = None
            self.assertEqual(made.send_outbox(), 0)
            self.assertFalse(job.run_id.startswith("pending-"))
            job.log_event("stats", {})
        self.assertEqual([path.split("/")[-1] for path in self.server.paths()], ["runs", "events", "complete"])


class AsValues(Served):
    def test_a_flow(self):
        made = self.client()
        run = start_run(made, "daily")
        found = and_then(run, lambda run: fetch_latest_uri(made, run, "raw"))
        self.assertEqual(found.value.uri, "s3://bucket/raw")
        self.assertIsInstance(log_event(made, run.value, "stats"), Ok)
        self.assertEqual(register_snapshot(made, run.value, "c", "s3://c", format="csv").value.snapshot_id, "s1")
        self.assertEqual(complete_run(made, run.value, success=True).value.state, "succeeded")
        self.assertIsInstance(fetch_latest_uri(made, run.value, "none"), Err)

    def test_nothing_is_raised(self):
        self.server.status = 503
        for strategy, expected in [(ErrorStrategy.FAIL_FAST, Err), (ErrorStrategy.SUPPRESS_TRANSIENT, Ok)]:
            made = self.client(strategy)
            run = start_run(made, "daily")
            self.assertIsInstance(run, expected)
            if isinstance(run, Ok):
                self.assertEqual(fetch_latest_uri(made, run.value, "raw").error.kind, ErrorKind.TRANSIENT)
                self.assertTrue(register_snapshot(made, run.value, "c", "s3://c").value.pending)
                self.assertEqual(complete_run(made, run.value), Ok(None))


if __name__ == "__main__":
    unittest.main()
