"""What is tried again and what is not, what errors say, and settings."""

import tempfile
import unittest
import unittest.mock
from datetime import datetime, timezone
from pathlib import Path

import httpx

from datlake_sdk import DatlakeClient, Err, ErrorKind, ErrorStrategy, Ok, RetryPolicy, Run, SDKError
from datlake_sdk.models import time_of
from datlake_sdk.requests import Connection, Content, Request
from datlake_sdk.result import and_then, unwrap
from datlake_sdk.settings import Settings

from support import KEY, QUICK


def connection(*answers):
    """Gives these answers, one after the other; what came is in `came`."""
    came, left = [], list(answers)

    def handle(request):
        came.append((request, request.read()))
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = Connection("http://server", KEY, timeout=1, transport=httpx.MockTransport(handle))
    made.came = came
    return made


OK = httpx.Response(200, json={})


class Requests(unittest.TestCase):
    def test_what_may_be_repeated_is(self):
        for request in [
            Request("GET", "/a"),
            Request("PUT", "/a", body={}),
            Request("POST", "/a", body={}, key="k"),
            Request("POST", "/a", body={}, again=True),
        ]:
            for failure in [
                httpx.Response(503),
                httpx.Response(429),
                httpx.ReadTimeout("late"),
                httpx.ConnectError("gone"),
            ]:
                made = connection(failure, failure, OK)
                self.assertEqual(made.send(request, QUICK).status_code, 200)
                self.assertEqual({sent.headers.get("idempotency-key") for sent, _ in made.came}, {request.key})
                made = connection(*[failure] * 3)
                with self.assertRaises(SDKError) as raised:
                    made.send(request, QUICK)
                self.assertEqual((raised.exception.is_transient, len(made.came)), (True, 3))

    def test_what_may_not_be_repeated_is_not_unless_it_never_arrived(self):
        request = Request("POST", "/a", body={})
        for failure, count in [(httpx.Response(503), 1), (httpx.ReadTimeout("late"), 1), (httpx.ReadError("cut"), 1)]:
            made = connection(failure, OK)
            with self.assertRaises(SDKError):
                made.send(request, QUICK)
            self.assertEqual(len(made.came), count)
        made = connection(httpx.ConnectError("gone"), httpx.Response(429), OK)
        self.assertEqual((made.send(request, QUICK).status_code, len(made.came)), (200, 3))

    def test_errors_say_what_and_never_the_key(self):
        kinds = {
            400: "INVALID",
            401: "UNAUTHORIZED",
            403: "FORBIDDEN",
            404: "NOT_FOUND",
            409: "CONFLICT",
            413: "INVALID",
            500: "UNEXPECTED",
            302: "UNEXPECTED",
        }
        for status, kind in kinds.items():
            made = connection(httpx.Response(status, json={"detail": "no such thing", "field": "metadata"}))
            with self.assertRaises(SDKError) as raised:
                made.send(Request("GET", "/a"), QUICK)
            error = raised.exception
            self.assertEqual((error.kind, error.status, error.field), (ErrorKind[kind], status, "metadata"))
            self.assertEqual(str(error), f"GET http://server/api/v1/a: {status}: no such thing")
            self.assertEqual(len(made.came), 1)
            self.assertNotIn(KEY, repr(error) + str(error))
        answers = [httpx.Response(200, text="<html>"), httpx.Response(200, json=[])]
        client = DatlakeClient("http://server", KEY, transport=httpx.MockTransport(lambda _: answers.pop()))
        for _ in range(2):
            with self.assertRaises(SDKError) as raised:
                client.get_run("a", "b")
            self.assertEqual(raised.exception.kind, ErrorKind.UNEXPECTED)
        self.assertNotIn(KEY, repr(client) + repr(vars(client.outbox)))

    def test_a_file_is_sent_as_long_as_it_was_and_anew_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log"
            path.write_bytes(b"x" * 100_000)
            content = Content.of(path)
            with path.open("ab") as file:
                file.write(b"more")
            made = connection(httpx.Response(503), OK)
            made.send(Request("PUT", "/a", content=content), QUICK)
            self.assertEqual(
                [(len(body), sent.headers["content-length"]) for sent, body in made.came], [(100_000, "100000")] * 2
            )
            path.write_bytes(b"")
            with self.assertRaises(SDKError) as raised:
                connection(OK).send(Request("PUT", "/a", content=content))
            self.assertIn("became shorter", str(raised.exception))

    def test_names_are_spelled_and_keys_sent(self):
        came = []

        def handle(request):
            came.append((request.url.raw_path, request.headers["authorization"]))
            return httpx.Response(200, json={"run_id": "r", "job_name": "j"})

        with DatlakeClient("http://server/", KEY, transport=httpx.MockTransport(handle)) as client:
            client.get_run("daily/ä ?#", "../x")
        self.assertEqual(came, [(b"/api/v1/jobs/daily%2F%C3%A4%20%3F%23/runs/..%2Fx", f"Bearer {KEY}")])


class Pauses(unittest.TestCase):
    def test_they_double_and_are_not_shorter_than_the_server_asks(self):
        plain = RetryPolicy(base_ms=200, jitter=False)
        self.assertEqual([plain.pause(n) for n in range(4)], [0.2, 0.4, 0.8, 1.6])
        self.assertEqual((plain.pause(0, 7.0), plain.pause(100), plain.pause(0, 1e9)), (7.0, 60.0, 60.0))
        some = [RetryPolicy(base_ms=200).pause(1) for _ in range(200)]
        self.assertTrue(0.2 <= min(some) < max(some) <= 0.6)

    def test_the_server_says_when(self):
        made = connection(httpx.Response(503, headers={"retry-after": "1"}), OK)
        with unittest.mock.patch("time.sleep") as sleep:
            made.send(Request("GET", "/a"), RetryPolicy(max_retries=1, base_ms=0))
        self.assertEqual([call.args for call in sleep.mock_calls], [(1.0,)])


class FromTheEnvironment(unittest.TestCase):
    def test_what_is_said(self):
        self.assertEqual(Settings.from_environment({}), Settings(ErrorStrategy.FAIL_FAST, RetryPolicy(3, 200, True)))
        said = {"ERROR_STRATEGY": "suppress_transient", "RETRY_MAX": "0", "RETRY_BASE_MS": "5", "RETRY_JITTER": "False"}
        said = {f"DATLAKE_SDK_{name}": value for name, value in said.items()}
        expected = Settings(ErrorStrategy.SUPPRESS_TRANSIENT, RetryPolicy(0, 5, False))
        self.assertEqual(Settings.from_environment(said), expected)
        for name, value in [
            ("ERROR_STRATEGY", "ignore"),
            ("RETRY_MAX", "-1"),
            ("RETRY_MAX", "²"),
            ("RETRY_BASE_MS", "1e3"),
            ("RETRY_JITTER", "maybe"),
        ]:
            with self.assertRaises(SDKError) as raised:
                Settings.from_environment({f"DATLAKE_SDK_{name}": value})
            self.assertIn(f"DATLAKE_SDK_{name} is `{value}`", str(raised.exception))

    def test_addresses_and_keys_that_cannot_be(self):
        for address in ["http://ada:password@server", "server:8000", "ftp://server", "http://[", "http://"]:
            with self.assertRaises(SDKError) as raised:
                DatlakeClient(address, KEY)
            self.assertEqual(raised.exception.kind, ErrorKind.CONFIGURATION)
            self.assertNotIn("password", str(raised.exception))
        with self.assertRaises(SDKError) as raised:
            DatlakeClient("http://server", "a\nsecret")
        self.assertNotIn("secret", str(raised.exception))


class Values(unittest.TestCase):
    def test_results(self):
        self.assertEqual(and_then(Ok(2), lambda n: Err(n)), Err(2))
        self.assertEqual(and_then(Err(1), lambda _: self.fail("called")), Err(1))
        self.assertEqual(unwrap(Ok(2)), 2)
        with self.assertRaises(ValueError):
            unwrap(Err("no"))
        with self.assertRaises(SDKError):
            unwrap(Err(SDKError(ErrorKind.CONFLICT, "no")))

    def test_times(self):
        expected = datetime(2026, 1, 2, 3, 4, 5, 120_000, timezone.utc)
        for text in ["2026-01-02T03:04:05.12Z", "2026-01-02T03:04:05.120000000Z", "2026-01-02T04:04:05.12+01:00"]:
            self.assertEqual(time_of(text), expected)
        self.assertEqual(time_of("2026-01-02T03:04:05Z"), expected.replace(microsecond=0))
        self.assertEqual([time_of(text) for text in [None, "", "soon", 7]], [None] * 4)
        run = Run.of(
            {
                "run_id": "r",
                "job_name": "j",
                "started_at": "2026-01-02T03:04:05Z",
                "lease_until": "2026-01-02T03:05:05Z",
                "new": 1,
            }
        )
        self.assertEqual(run.lease_seconds, 60.0)


if __name__ == "__main__":
    unittest.main()
