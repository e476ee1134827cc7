"""Requests of S3 that no package sends by itself: bodies in pieces, checksums, what is not done here. To a server of ours."""

import base64
import hashlib
import hmac
import http.client
import os
import re
import unittest
import uuid
import zlib
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import lakefs

ENDPOINT = os.environ["LAKECTL_SERVER_ENDPOINT_URL"]
KEY = os.environ["LAKECTL_CREDENTIALS_ACCESS_KEY_ID"]
SECRET = os.environ["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"]
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def send(method, path, body, headers):
    connection = http.client.HTTPConnection(urlsplit(ENDPOINT).netloc, timeout=60)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    code = re.search(rb"<Code>(.*?)</Code>", answer.read())
    return answer.status, code and code[1].decode()


def signed(method, path, body=b"", headers=None, sha=None):
    """The headers of a request, signed."""
    more = dict(headers or {}, **({"X-Amz-Content-SHA256": sha} if sha else {}))
    request = AWSRequest(method=method, url=ENDPOINT + path, data=None if sha else body, headers=more)
    signer = S3SigV4Auth(Credentials(KEY, SECRET), "s3", "us-east-1")
    if sha:
        signer.payload = lambda _: sha
    signer.add_auth(request)
    return dict(request.headers.items())


def ask(method, path, body=b"", headers=None, sha=None):
    return send(method, path, body, signed(method, path, body, headers, sha))


def in_pieces(path, pieces, kind, length=None, trailer=None, wrong=None, cut=0, end=True):
    """Puts an object by a body in pieces; the signature of piece `wrong` is another."""
    length = sum(map(len, pieces)) if length is None else length
    headers = {"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)}
    if trailer:
        headers["x-amz-trailer"] = trailer[0]
    headers = signed("PUT", path, headers=headers, sha=kind)
    date = headers["X-Amz-Date"]
    scope = date[:8] + "/us-east-1/s3/aws4_request"
    before = re.search("Signature=([0-9a-f]+)", headers["Authorization"])[1]
    key = ("AWS4" + SECRET).encode()
    for part in [date[:8], "us-east-1", "s3", "aws4_request"]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    body = b""
    for n, piece in enumerate(pieces + [b""] * end):
        head = b"%x" % len(piece)
        if kind == SIGNED:
            sums = [hashlib.sha256(b"").hexdigest(), hashlib.sha256(piece).hexdigest()]
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, before, *sums])
            before = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            head += b";chunk-signature=" + (b"0" * 64 if n == wrong else before.encode())
        body += head + b"\r\n" + (piece + b"\r\n" if piece or not trailer else b"")
    if trailer and trailer[1]:
        body += f"{trailer[0]}:{trailer[1]}\r\n".encode()
    body += b"\r\n" if trailer else b""
    body = body[: len(body) - cut]
    headers["Content-Length"] = str(len(body))
    return send("PUT", path, body, headers)


def crc32(content):
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def sha256(content):
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class S3Requests(unittest.TestCase):
    def setUp(self):
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        self.s3 = boto3.client(
            "s3", endpoint_url=ENDPOINT, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
            region_name="us-east-1", config=config,
        )
        self.bucket = "b-" + uuid.uuid4().hex[:12]
        lakefs.repository(self.bucket).create("local://x")

    def put(self, key, body, **more):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def read(self, key):
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            return error.response["Error"]["Code"]

    def fails(self, status, code, call):
        with self.assertRaises(ClientError) as failed:
            call()
        response = failed.exception.response
        self.assertEqual((response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]), (status, code))

    def test_bodies_in_pieces(self):
        pieces = [b"a" * 70_000, b"b" * 100]
        whole = b"".join(pieces)
        crc = "x-amz-checksum-crc32"
        for name, expected, how in [
            ("whole", (200, None), dict(kind=SIGNED)),
            ("first", (403, "SignatureDoesNotMatch"), dict(kind=SIGNED, wrong=0)),
            ("second", (403, "SignatureDoesNotMatch"), dict(kind=SIGNED, wrong=1)),
            ("end", (403, "SignatureDoesNotMatch"), dict(kind=SIGNED, wrong=2)),
            ("fewer", (400, "IncompleteBody"), dict(kind=SIGNED, length=len(whole) + 1)),
            ("more", (400, "IncompleteBody"), dict(kind=SIGNED, length=len(whole) - 1)),
            ("trailer", (200, None), dict(kind=UNSIGNED, trailer=(crc, crc32(whole)))),
            ("upper", (200, None), dict(kind=UNSIGNED, trailer=("X-Amz-Checksum-SHA256", sha256(whole)))),
            ("other", (400, "BadDigest"), dict(kind=UNSIGNED, trailer=(crc, crc32(b"other")))),
            ("no base64", (400, "BadDigest"), dict(kind=UNSIGNED, trailer=(crc, "!!!!"))),
            ("none", (400, "MalformedTrailerError"), dict(kind=UNSIGNED, trailer=(crc, ""))),
            ("unknown", (501, "NotImplemented"), dict(kind=UNSIGNED, trailer=("x-amz-checksum-xxhash64", "AAAA"))),
            ("cut", (400, "IncompleteBody"), dict(kind=UNSIGNED, trailer=(crc, ""), cut=60, end=False)),
        ]:
            with self.subTest(name):
                key = f"main/{name.replace(' ', '-')}"
                self.assertEqual(in_pieces(f"/{self.bucket}/{key}", pieces, **how), expected)
                self.assertEqual(self.read(key), whole if expected[0] == 200 else "NoSuchKey")
        # Some piece that was sent is not there.
        path = f"/{self.bucket}/main/lost"
        self.assertEqual(in_pieces(path, pieces[:1], SIGNED, length=len(whole), end=False), (400, "IncompleteBody"))
        self.assertEqual(ask("PUT", path, b"abc", sha="0" * 64), (400, "XAmzContentSHA256Mismatch"))
        self.assertEqual(ask("PUT", path, b"abc", {"x-amz-checksum-sha512": "AAAA"}), (501, "NotImplemented"))
        self.assertEqual(self.read("main/lost"), "NoSuchKey")

    def test_documents(self):
        self.put("main/a", b"1")
        body = b"<Delete><Object><Key>main/a</Key></Object></Delete>"
        path = f"/{self.bucket}?delete="
        md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        self.assertEqual(ask("POST", path, body, {"Content-MD5": md5}), (400, "BadDigest"))
        self.assertEqual(ask("POST", path, body, {"x-amz-checksum-crc32": crc32(b"other")}), (400, "BadDigest"))
        self.assertEqual(ask("POST", path, body, sha="0" * 64), (400, "XAmzContentSHA256Mismatch"))
        self.assertEqual(self.read("main/a"), b"1")
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        right = {"Content-MD5": md5, "x-amz-checksum-crc32": crc32(body)}
        self.assertEqual(ask("POST", path, body, right), (200, None))
        self.assertEqual(self.read("main/a"), "NoSuchKey")

    def test_what_is_not_done_is_refused(self):
        self.put("main/a", b"0123456789")
        s3, which = self.s3, {"Bucket": self.bucket, "Key": "main/a"}
        for status, code, call in [
            (501, "NotImplemented", lambda: s3.put_object(Body=b"x", WriteOffsetBytes=10, **which)),
            (501, "NotImplemented", lambda: s3.put_object(Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="0" * 32, **which)),
            (404, "NoSuchVersion", lambda: s3.get_object(VersionId="3", **which)),
            (404, "NoSuchVersion", lambda: s3.delete_object(VersionId="3", **which)),
            (416, "InvalidPartNumber", lambda: s3.get_object(PartNumber=2, **which)),
            (412, "PreconditionFailed", lambda: s3.get_object(IfUnmodifiedSince="2020-01-01", **which)),
            (304, "304", lambda: s3.get_object(IfModifiedSince="2100-01-01", **which)),
            (400, "InvalidArgument", lambda: s3.list_objects_v2(Bucket=self.bucket, MaxKeys=-1)),
        ]:
            self.fails(status, code, call)
        url = s3.generate_presigned_url("get_object", Params=which, ExpiresIn=8 * 24 * 3600)
        self.assertEqual(send("GET", url.removeprefix(ENDPOINT), None, {}), (400, "AuthorizationQueryParametersError"))
        path = f"/{self.bucket}/main/a"
        rename = {"x-amz-rename-source": f"{self.bucket}/main/b"}
        self.assertEqual(ask("PUT", path + "?renameObject=", headers=rename), (501, "NotImplemented"))
        self.assertEqual(ask("PUT", path + "?somethingNew="), (501, "NotImplemented"))
        for condition in [{"ETag": '"other"'}, {"VersionId": "3"}]:
            deleted = s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": "main/a", **condition}]})
            self.assertIn(deleted["Errors"][0]["Code"], ("NotImplemented", "NoSuchVersion"))
        self.assertEqual(self.read("main/a"), b"0123456789")
        part = s3.get_object(PartNumber=1, IfUnmodifiedSince="2100-01-01", VersionId="null", **which)
        self.assertEqual(part["Body"].read(), b"0123456789")

    def test_keys_that_xml_cannot_have(self):
        keys = ["main/\ufffe", "main/a b+c&d%2e", "main/ä"]
        for key in keys:
            self.put(key, b"x")
        for call in ["list_objects", "list_objects_v2"]:
            listed = getattr(self.s3, call)(Bucket=self.bucket, Prefix="main/")
            self.assertEqual(sorted(o["Key"] for o in listed["Contents"]), sorted(keys))
        # The answer to this one has the key as it is.
        self.s3.create_multipart_upload(Bucket=self.bucket, Key=keys[1])
        self.assertEqual(self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"][0]["Key"], keys[1])

    def test_what_a_completion_says_is_compared(self):
        self.put("main/source", b"0123456789")
        which = {"Bucket": self.bucket, "Key": "main/parts"}
        which["UploadId"] = self.s3.create_multipart_upload(**which)["UploadId"]
        for wrong in ["bytes=5-10", "bytes=3-", "bytes=-3"]:
            code = "InvalidRange" if wrong == "bytes=5-10" else "InvalidArgument"
            self.fails(416 if code == "InvalidRange" else 400, code, lambda: self.s3.upload_part_copy(
                PartNumber=1, CopySource=self.bucket + "/main/source", CopySourceRange=wrong, **which))
        tags = [self.s3.upload_part(PartNumber=n, Body=body, **which)["ETag"] for n, body in [(1, b"one"), (2, b"two")]]

        def complete(first=None, **more):
            parts = [{"PartNumber": n + 1, "ETag": tag} for n, tag in enumerate(tags)]
            parts[0].update(first or {})
            return self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **which, **more)

        self.fails(400, "InvalidRequest", lambda: complete(MpuObjectSize=7))
        self.fails(400, "BadDigest", lambda: complete(ChecksumCRC32=crc32(b"other"), ChecksumType="FULL_OBJECT"))
        self.fails(400, "BadDigest", lambda: complete({"ChecksumCRC32": crc32(b"other")}))
        self.fails(501, "NotImplemented", lambda: complete(ChecksumCRC32=crc32(b"other") + "-2"))
        self.assertEqual(self.read("main/parts"), "NoSuchKey")
        first = {"ChecksumCRC32": crc32(b"one"), "ChecksumSHA256": sha256(b"one")}
        complete(first, MpuObjectSize=6, ChecksumCRC32=crc32(b"onetwo"), ChecksumType="FULL_OBJECT")
        self.assertEqual(self.read("main/parts"), b"onetwo")


if __name__ == "__main__":
    unittest.main()
