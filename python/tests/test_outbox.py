"""The outbox: whole entries whoever dies, each sent once whoever sends, in order, without secrets."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from datlake_sdk import ErrorStrategy, SDKError
from datlake_sdk.outbox import Outbox, Report
from datlake_sdk.requests import Content, Request

from support import KEY, Server, client

SEED = 20261130
HERE = Path(__file__).parent

# Puts entries and says of each that it is kept; sends what waits, for ever.
WRITES = """
import sys
from pathlib import Path
from datlake_sdk.outbox import Outbox, Report
from datlake_sdk.requests import Content, Request
outbox = Outbox(Path(sys.argv[1]), sys.argv[2])
for n in range(10**6):
    content = Content.of(Path(sys.argv[4])) if n % 5 == 4 else None
    outbox.put(Report(Request("PUT", f"/x/y/{sys.argv[3]}/{n}", content=content, key=f"{sys.argv[3]}-{n}")))
    print(n, flush=True)
"""
SENDS = """
import sys
import time
sys.path.insert(0, sys.argv[3])
from support import client
made = client(sys.argv[2], sys.argv[1])
while True:
    made.send_outbox(wait=1.0)
    time.sleep(0.005)
"""


class OnDisk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.server = Server()
        self.addCleanup(self.server.end)
        self.random = random.Random(SEED)
        # What it says of what waits is asked for where it is looked at.
        logging.getLogger("datlake_sdk").setLevel(logging.ERROR)
        self.addCleanup(logging.getLogger("datlake_sdk").setLevel, logging.NOTSET)

    def client(self, strategy=ErrorStrategy.SUPPRESS_TRANSIENT):
        made = client(self.server.url, self.folder / "outbox", strategy)
        self.addCleanup(made.close)
        return made

    def outbox(self):
        return Outbox(self.folder / "outbox", self.server.url)

    def start(self, program, *arguments, **how):
        command = [sys.executable, "-c", program, str(self.folder / "outbox"), self.server.url, *map(str, arguments)]
        return subprocess.Popen(command, **how)

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()

    def test_what_was_kept_is_there_whenever_its_process_is_killed(self):
        content = self.folder / "log"
        content.write_bytes(os.urandom(200_000))
        said = []
        for number in range(3):
            process = self.start(WRITES, number, content, stdout=subprocess.PIPE, text=True)
            lines = [process.stdout.readline() for _ in range(self.random.randrange(3, 15))]
            time.sleep(self.random.random() * 0.01)
            self.kill(process)
            said.append(len(lines) + len(process.stdout.read().split()))
            process.stdout.close()
        outbox = self.outbox()
        names = outbox.waiting()
        entries = [json.loads((outbox.folder / "entries" / name).read_text()) for name in names]
        self.assertEqual([int(name.split(".")[0]) for name in names], list(range(1, len(names) + 1)))
        numbers = {}
        for entry in entries:
            who, n = entry["path"].split("/")[3:]
            numbers.setdefault(who, []).append(int(n))
            if entry["content"] is not None:
                self.assertEqual((outbox.folder / "content" / entry["content"]).read_bytes(), content.read_bytes())
        for who, count in enumerate(said):
            of_one = numbers[str(who)]
            self.assertEqual(of_one, list(range(len(of_one))))
            # It may have kept one more than it said.
            self.assertIn(len(of_one) - count, (0, 1))
        # Left behind by those that were killed in the middle; gone once it is old.
        for path in (outbox.folder / "content").iterdir():
            os.utime(path, (0, 0))
        (outbox.folder / "content" / "0").write_bytes(b"")
        os.utime(outbox.folder / "content" / "0", (0, 0))
        self.assertEqual(self.client().send_outbox(), 0)
        self.assertEqual(len(self.server.taken), len(names))
        self.assertEqual(list((outbox.folder / "content").iterdir()), [])

    def test_many_send_each_once_and_in_order_while_they_are_killed(self):
        outbox, count = self.outbox(), 40
        for n in range(count):
            outbox.put(Report(Request("POST", f"/x/y/z/{n}", body={"n": n}, key=f"key-{n}")))
        senders = [self.start(SENDS, HERE) for _ in range(3)]
        try:
            for _ in range(3):
                waiting = len(outbox.waiting())
                until = time.monotonic() + 20
                while len(outbox.waiting()) > waiting - self.random.randrange(2, 8) and time.monotonic() < until:
                    time.sleep(0.002)
                victim = self.random.randrange(len(senders))
                self.kill(senders[victim])
                senders[victim] = self.start(SENDS, HERE)
            until = time.monotonic() + 20
            while outbox.waiting() and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            for sender in senders:
                self.kill(sender)
        self.assertEqual([body["n"] for _, _, body in self.server.taken], list(range(count)))
        # One that had an answer and died before it removed the entry sends that again; nothing else is sent twice.
        self.assertLessEqual(len(self.server.came), count + 3)

    def test_an_answer_that_was_lost_does_not_do_it_twice(self):
        made = self.client()
        self.server.drops = 100
        run = made.start_run("daily")
        self.assertTrue(run.pending)
        made.log_event("daily", run.run_id, "stats", {})
        self.server.drops = 1
        self.assertEqual(made.send_outbox(), 2)
        self.assertEqual(made.send_outbox(), 0)
        self.assertEqual(self.server.paths(), ["POST /jobs/daily/runs", "POST /jobs/daily/runs/RUN/events"])

    def test_what_is_refused_for_good_is_kept_and_holds_up_nobody(self):
        made = self.client()
        self.server.status = 503
        run = made.start_run("daily")
        made.log_event("daily", run.run_id, "stats", {})
        other = made.start_run("other")
        self.server.status = 401
        self.assertEqual(made.send_outbox(), 3)
        # Refused by hand: the start of the first run.
        name = made.outbox.waiting()[0]
        path = made.outbox.folder / "entries" / name
        path.write_text(json.dumps({**json.loads(path.read_text()), "path": "/jobs/pending-x/y/z"}))
        self.server.status = None
        with self.assertLogs("datlake_sdk", "WARNING"):
            self.assertEqual(made.send_outbox(), 0)
        self.assertFalse(made.resolved(other.run_id).startswith("pending-"))
        reasons = [entry["reason"] for entry in made.outbox.refused()]
        self.assertIn("404", reasons[0])
        self.assertEqual(reasons[1], "the start of its run was refused")
        with self.assertRaises(SDKError):
            made.log_event("daily", run.run_id, "stats", {})
        self.assertEqual((len(made.outbox.refused()), made.outbox.waiting()), (2, []))

    def test_a_damaged_entry_holds_up_nobody(self):
        made = self.client()
        self.server.status = 503
        made.start_run("first")
        made.start_run("second")
        (made.outbox.folder / "entries" / made.outbox.waiting()[0]).write_bytes(b'{"version": 1, \xff')
        self.server.status = None
        with self.assertLogs("datlake_sdk", "WARNING"):
            self.assertEqual(made.send_outbox(), 0)
        self.assertEqual(self.server.paths(), ["POST /jobs/second/runs"])
        self.assertIn("is damaged", made.outbox.refused()[0]["reason"])

    def test_no_key_and_nobody_else_may_read(self):
        made = self.client()
        self.server.status = 503
        log = self.folder / "log"
        log.write_text("x")
        made.complete_run("daily", made.start_run("daily", {"a": 1}).run_id, True)
        made.put_dataset("b", "p", log)
        files = [path for path in (self.folder / "outbox").rglob("*") if path.is_file()]
        self.assertGreater(len(files), 4)
        for path in files:
            self.assertNotIn(KEY, path.read_text())
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        folders = [path for path in (self.folder / "outbox").rglob("*") if path.is_dir()]
        self.assertEqual([path for path in folders if path.stat().st_mode & 0o077], [])

    def test_a_disk_that_takes_nothing_is_an_error_that_says_so(self):
        (self.folder / "outbox").write_text("a file")
        made = self.client()
        self.server.status = 503
        with self.assertRaises(SDKError) as raised:
            made.start_run("daily")
        self.assertIn("cannot be kept in", str(raised.exception))

    def test_the_command_shows_and_sends(self):
        made = self.client()
        self.server.status = 503
        made.start_run("daily")
        said = {
            "DATLAKE_API_URL": self.server.url,
            "DATLAKE_API_KEY": KEY,
            "DATLAKE_SDK_OUTBOX": str(self.folder / "outbox"),
        }

        def run(*arguments):
            command = [sys.executable, "-m", "datlake_sdk", "outbox", *arguments]
            done = subprocess.run(command, env={**os.environ, **said}, capture_output=True, text=True)
            return done.returncode, done.stdout.split(" for ")[0]

        self.assertEqual((run(), run("send")), ((0, "1 reports wait"), (1, "1 reports wait")))
        self.server.status = None
        self.assertEqual((run("send"), run()), ((0, "0 reports wait"), (0, "0 reports wait")))


class Contents(unittest.TestCase):
    def test_it_is_what_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log"
            path.write_text("before")
            outbox = Outbox(Path(folder) / "outbox", "http://server")
            outbox.put(Report(Request("PUT", "/x", content=Content.of(path))))
            path.write_text("after")
            (kept,) = (outbox.folder / "content").iterdir()
            self.assertEqual(kept.read_text(), "before")


if __name__ == "__main__":
    unittest.main()
