"""A server in this process that does as a datlake server would, and fails when it is to."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from datlake_sdk import DatlakeClient, ErrorStrategy, RetryPolicy

KEY = "dlt_ABC_the-secret-of-the-tests"
QUICK = RetryPolicy(max_retries=2, base_ms=1)


class Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients that are killed are no news."""


class Server:
    """Requests that were taken are in `taken`, each once, however often it came: by its `Idempotency-Key`, or its method and path."""

    def __init__(self):
        self.taken = []
        self.came = []
        self.status = None
        """What it answers to everything, where that is not `None`."""
        self.drops = 0
        """So many requests are taken, and their answers never arrive."""
        self._answers = {}
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer, is_dropped = server._answer(self.command, self.path, body, self.headers)
                if is_dropped:
                    self.close_connection = True
                    return
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do

            def log_message(self, *_):
                pass

        self._http = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def end(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _answer(self, method, path, body, headers):
        path = path[len("/api/v1") :]
        is_json = headers.get("Content-Type", "") == "application/json"
        body = json.loads(body) if is_json and body else body
        with self._lock:
            self.came.append((method, path, headers.get("Idempotency-Key")))
            if self.status is not None:
                return self.status, {"status": self.status, "detail": "not now", "field": "metadata"}, False
            known = headers.get("Idempotency-Key") or f"{method} {path}"
            is_new = known not in self._answers or method == "GET"
            if is_new:
                self._answers[known] = self._do(method, path, body)
                self.taken.append((method, path, body))
            status, answer = self._answers[known]
            is_dropped, self.drops = self.drops > 0, max(self.drops - 1, 0)
            return status, answer, is_dropped

    def _do(self, method, path, body):
        parts = path.split("?")[0].strip("/").split("/")
        run = {"job_name": parts[1] if len(parts) > 1 else "", "state": "running"}
        if "pending-" in path:
            return 404, {"detail": "there is no such run"}
        if path.startswith("/tables/none/"):
            return 404, {"detail": "there is no table `none`"}
        if parts[0] == "tables":
            return 200, {"table_name": parts[1], "uri": f"s3://bucket/{parts[1]}", "format": "parquet", "schema": None}
        if parts[0] == "datasets":
            return 201, {}
        if path == "/jobs/register-snapshot":
            return 201, {**body, "snapshot_id": "s1"}
        if parts[0] == "jobs" and len(parts) == 3:
            times = {"started_at": "2026-01-01T00:00:00.5Z", "lease_until": "2026-01-01T00:00:00.8Z"}
            return 201, {**run, **times, "run_id": str(uuid.uuid4()), "metadata": body["metadata"]}
        return 200, {**run, "run_id": parts[3], "state": "succeeded" if parts[-1] == "complete" else "running"}

    def paths(self, method=None):
        """What was taken, without heartbeats, with `RUN` in the place of ids."""
        taken = [(m, p) for m, p, _ in self.taken if not p.endswith("/heartbeat") and method in (None, m)]
        return [f"{m} {'/'.join('RUN' if len(part) == 36 else part for part in p.split('/'))}" for m, p in taken]

    def bodies(self, end):
        """The bodies of what was taken at paths that end so."""
        return [body for _, path, body in self.taken if path.split("?")[0].endswith(end)]


def client(url, outbox, strategy=ErrorStrategy.FAIL_FAST, **settings):
    return DatlakeClient(url, KEY, strategy=strategy, retry=QUICK, outbox=Path(outbox), **settings)
