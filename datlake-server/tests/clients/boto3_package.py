"""What people do with the package `boto3`, through the gateway of a server of ours."""

import base64
import datetime
import hashlib
import json
import os
import unittest
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import lakefs


def client(key=None, secret=None, signature="s3v4"):
    return boto3.client(
        "s3",
        endpoint_url=os.environ["LAKECTL_SERVER_ENDPOINT_URL"],
        aws_access_key_id=key or os.environ["LAKECTL_CREDENTIALS_ACCESS_KEY_ID"],
        aws_secret_access_key=secret or os.environ["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(signature_version=signature, s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


class Boto3(unittest.TestCase):
    def setUp(self):
        self.s3 = client()
        self.bucket = "b-" + uuid.uuid4().hex[:12]
        self.repo = lakefs.repository(self.bucket).create("local://x")
        self.main = self.repo.branch("main")

    def fails(self, code, call):
        with self.assertRaises(ClientError) as failed:
            call()
        self.assertIn(failed.exception.response["Error"]["Code"], code if isinstance(code, tuple) else (code,))
        return failed.exception.response["ResponseMetadata"]["HTTPStatusCode"]

    def put(self, key, body, **more):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def read(self, key, **more):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **more)["Body"].read()

    def test_audit(self):
        self.put("main/kept", b"x")
        self.fails("NoSuchKey", lambda: self.put("none/kept", b"x"))
        endpoint = os.environ["LAKECTL_SERVER_ENDPOINT_URL"]
        pair = "{LAKECTL_CREDENTIALS_ACCESS_KEY_ID}:{LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY}".format(**os.environ)
        head = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        asked = urllib.request.Request(endpoint + "/api/v1/admin/audit?amount=1000", headers=head)
        lines = json.load(urllib.request.urlopen(asked))["results"]
        kept = [line for line in lines if line["path"].startswith(f"/{self.bucket}/")]
        self.assertEqual([(line["account"], line["method"], line["status"]) for line in kept], [("root", "PUT", 200)])
        self.assertEqual((kept[0]["path"], kept[0]["address"]), (f"/{self.bucket}/main/kept", "127.0.0.1"))

    def test_objects(self):
        put = self.put("main/raw/ä b.csv", b"0123456789", ContentType="text/csv", Metadata={"rows": "1"})
        head = self.s3.head_object(Bucket=self.bucket, Key="main/raw/ä b.csv")
        self.assertEqual((head["ContentLength"], head["ContentType"], head["Metadata"]), (10, "text/csv", {"rows": "1"}))
        self.assertEqual(head["ETag"], put["ETag"])
        self.assertRegex(head["ETag"], r'^"[0-9a-f]{64}-1"$')
        self.assertLess(datetime.datetime.now(datetime.timezone.utc) - head["LastModified"], datetime.timedelta(hours=1))
        self.assertEqual(self.read("main/raw/ä b.csv"), b"0123456789")
        part = self.s3.get_object(Bucket=self.bucket, Key="main/raw/ä b.csv", Range="bytes=2-4")
        self.assertEqual((part["Body"].read(), part["ContentRange"]), (b"234", "bytes 2-4/10"))
        self.assertEqual(self.read("main/raw/ä b.csv", Range="bytes=-3"), b"789")
        self.assertEqual(self.fails("InvalidRange", lambda: self.read("main/raw/ä b.csv", Range="bytes=10-")), 416)
        self.assertEqual(self.fails("304", lambda: self.read("main/raw/ä b.csv", IfNoneMatch=put["ETag"])), 304)
        self.fails("NoSuchKey", lambda: self.read("main/none"))
        self.fails("404", lambda: self.s3.head_object(Bucket=self.bucket, Key="main/none"))
        self.put("main/empty", b"")
        self.assertEqual(self.read("main/empty"), b"")
        # It is the same object for clients of lakeFS.
        with self.main.object("raw/ä b.csv").reader() as reader:
            self.assertEqual(reader.read(), b"0123456789")
        self.s3.copy_object(Bucket=self.bucket, Key="main/copy", CopySource={"Bucket": self.bucket, "Key": "main/raw/ä b.csv"})
        copied = self.s3.head_object(Bucket=self.bucket, Key="main/copy")
        self.assertEqual((copied["ContentType"], copied["Metadata"]), ("text/csv", {"rows": "1"}))
        self.s3.copy_object(
            Bucket=self.bucket, Key="main/copy", CopySource=self.bucket + "/main/copy",
            MetadataDirective="REPLACE", ContentType="text/plain", Metadata={"other": "2"},
        )
        copied = self.s3.head_object(Bucket=self.bucket, Key="main/copy")
        self.assertEqual((copied["ContentType"], copied["Metadata"]), ("text/plain", {"other": "2"}))
        said = {"ContentEncoding": "gzip", "ContentDisposition": "attachment", "ContentLanguage": "de", "CacheControl": "no-store"}
        self.put("main/packed", b"0123456789", Metadata={"rows": "1"}, **said)
        self.s3.copy_object(Bucket=self.bucket, Key="main/packed too", CopySource=self.bucket + "/main/packed")
        for key in ["main/packed", "main/packed too"]:
            head = self.s3.head_object(Bucket=self.bucket, Key=key)
            self.assertEqual(({name: head[name] for name in said}, head["Metadata"]), (said, {"rows": "1"}))
        # A condition that is not looked at would lose what others put.
        self.fails("NotImplemented", lambda: self.s3.delete_object(Bucket=self.bucket, Key="main/copy", IfMatch=put["ETag"]))
        self.fails("NotImplemented", lambda: self.s3.copy_object(
            Bucket=self.bucket, Key="main/copy", CopySource=self.bucket + "/main/raw/ä b.csv", CopySourceIfMatch='"other"',
        ))
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="main/copy")["ContentType"], "text/plain")
        self.s3.delete_object(Bucket=self.bucket, Key="main/copy")
        self.s3.delete_object(Bucket=self.bucket, Key="main/copy")
        self.fails("NoSuchKey", lambda: self.read("main/copy"))

    def test_checksums_and_conditions(self):
        right = base64.b64encode(hashlib.md5(b"content").digest()).decode()
        self.put("main/a", b"content", ContentMD5=right)
        for how in ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"]:
            if how not in ("CRC32C", "CRC64NVME"):
                self.put("main/b", b"content", ChecksumAlgorithm=how)
        self.fails("BadDigest", lambda: self.put("main/c", b"other", ContentMD5=right))
        wrong = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
        self.fails("BadDigest", lambda: self.put("main/c", b"other", ChecksumSHA256=wrong))
        self.fails(("NoSuchKey", "404"), lambda: self.s3.head_object(Bucket=self.bucket, Key="main/c"))
        self.assertEqual(self.fails("PreconditionFailed", lambda: self.put("main/a", b"x", IfNoneMatch="*")), 412)
        self.put("main/d", b"x", IfNoneMatch="*")

    def test_lists(self):
        keys = ["main/a", "main/raw/1", "main/raw/2", "main/raw/old/3", "main/z"]
        for key in keys:
            self.put(key, key.encode())
        self.main.commit("all")
        self.repo.branch("dev").create("main")
        for call, more in [("list_objects", {}), ("list_objects_v2", {})]:
            pages = self.s3.get_paginator(call)
            for size in [1, 2, 100]:
                def found(**how):
                    got = []
                    for page in pages.paginate(Bucket=self.bucket, PaginationConfig={"PageSize": size}, **how):
                        got += [o["Key"] for o in page.get("Contents", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
                    return sorted(got)
                self.assertEqual(found(Prefix="main/"), keys)
                self.assertEqual(found(Prefix="main/", Delimiter="/"), ["main/a", "main/raw/", "main/z"])
                self.assertEqual(found(Prefix="main/raw/", Delimiter="/"), ["main/raw/1", "main/raw/2", "main/raw/old/"])
                self.assertEqual(found(Delimiter="/"), ["dev/", "main/"])
                self.assertEqual(found(Prefix="ma", Delimiter="/"), ["main/"])
                self.assertEqual(len(found()), 10)
        one = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="main/a")["Contents"][0]
        self.assertEqual((one["Size"], one["StorageClass"]), (6, "STANDARD"))
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket, Prefix="none/")["KeyCount"], 0)
        self.assertIn(self.bucket, [b["Name"] for b in self.s3.list_buckets()["Buckets"]])
        self.s3.head_bucket(Bucket=self.bucket)
        deleted = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": "main/a"}, {"Key": "main/none"}, {"Key": "nope"}]})
        self.assertEqual(sorted(d["Key"] for d in deleted["Deleted"]), ["main/a", "main/none"])
        self.assertEqual([e["Key"] for e in deleted["Errors"]], ["nope"])
        self.fails("NoSuchKey", lambda: self.read("main/a"))

    def test_uploads_in_parts(self):
        large = os.urandom(1 << 20) * 20
        self.s3.upload_fileobj(__import__("io").BytesIO(large), self.bucket, "main/large", ExtraArgs={"Metadata": {"k": "v"}})
        self.assertEqual(self.read("main/large"), large)
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="main/large")["Metadata"], {"k": "v"})
        begun = self.s3.create_multipart_upload(Bucket=self.bucket, Key="main/parts")
        which = {"Bucket": self.bucket, "Key": "main/parts", "UploadId": begun["UploadId"]}
        first = self.s3.upload_part(PartNumber=1, Body=b"wrong", **which)
        again = self.s3.upload_part(PartNumber=1, Body=b"right", **which)
        third = self.s3.upload_part(PartNumber=3, Body=b" end", **which)
        self.assertNotEqual(first["ETag"], again["ETag"])
        self.fails("InvalidPart", lambda: self.s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": first["ETag"]}]}, **which))
        backwards = [{"PartNumber": 3, "ETag": third["ETag"]}, {"PartNumber": 1, "ETag": again["ETag"]}]
        self.fails("InvalidPartOrder", lambda: self.s3.complete_multipart_upload(MultipartUpload={"Parts": backwards}, **which))
        parts = {"Parts": list(reversed(backwards))}
        done = self.s3.complete_multipart_upload(MultipartUpload=parts, **which)
        self.assertEqual(self.read("main/parts"), b"right end")
        # The reply may have been lost.
        self.assertEqual(self.s3.complete_multipart_upload(MultipartUpload=parts, **which)["ETag"], done["ETag"])
        given_up = self.s3.create_multipart_upload(Bucket=self.bucket, Key="main/never")
        which = {"Bucket": self.bucket, "Key": "main/never", "UploadId": given_up["UploadId"]}
        self.s3.upload_part(PartNumber=1, Body=b"x", **which)
        self.s3.abort_multipart_upload(**which)
        self.fails("NoSuchUpload", lambda: self.s3.upload_part(PartNumber=1, Body=b"x", **which))

    def test_what_never_changes(self):
        self.put("main/a", b"1")
        commit = self.main.commit("one")
        self.repo.tag("v1").create(commit)
        self.put("main/a", b"2")
        for ref in ["v1", commit.id, "main@"]:
            self.assertEqual(self.read(ref + "/a"), b"1")
            self.assertIn(self.fails(("MethodNotAllowed", "InvalidArgument"), lambda: self.put(ref + "/a", b"x")), (400, 405))
        self.fails("NoSuchKey", lambda: self.put("nope/a", b"x"))
        self.fails("NoSuchKey", lambda: self.put("main", b"x"))
        self.fails("InvalidArgument", lambda: self.put("main/a//b", b"x"))

    def test_signatures(self):
        self.put("main/a", b"1")
        self.fails("SignatureDoesNotMatch", lambda: client(secret="wrong").list_buckets())
        self.fails("InvalidAccessKeyId", lambda: client(key="DLAKNONE").list_buckets())
        url = self.s3.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "main/a"}, ExpiresIn=60)
        with urllib.request.urlopen(url) as response:
            self.assertEqual(response.read(), b"1")
        url = self.s3.generate_presigned_url("put_object", Params={"Bucket": self.bucket, "Key": "main/b"}, ExpiresIn=60)
        urllib.request.urlopen(urllib.request.Request(url, data=b"presigned", method="PUT"))
        self.assertEqual(self.read("main/b"), b"presigned")
        forged = url.replace("main/b", "main/c")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(forged, data=b"x", method="PUT"))
        self.assertEqual(refused.exception.code, 403)

    def test_rights(self):
        reader = client(os.environ["READERS_KEY"], os.environ["READERS_SECRET"])
        self.put("main/a", b"1")
        self.assertEqual(reader.get_object(Bucket=self.bucket, Key="main/a")["Body"].read(), b"1")
        for call in [
            lambda: reader.put_object(Bucket=self.bucket, Key="main/a", Body=b"x"),
            lambda: reader.copy_object(Bucket=self.bucket, Key="main/b", CopySource=self.bucket + "/main/a"),
            lambda: reader.create_multipart_upload(Bucket=self.bucket, Key="main/b"),
            lambda: reader.delete_object(Bucket=self.bucket, Key="main/a"),
        ]:
            self.assertEqual(self.fails("AccessDenied", call), 403)
        errors = reader.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": "main/a"}]})["Errors"]
        self.assertEqual(errors[0]["Code"], "AccessDenied")
        # What is not theirs to know is not there.
        secret = lakefs.repository("hidden-" + uuid.uuid4().hex[:8]).create("local://x").id
        self.assertEqual(self.fails("404", lambda: reader.head_bucket(Bucket=secret)), 404)
        self.fails("NoSuchBucket", lambda: reader.list_objects_v2(Bucket=secret))
        self.assertNotIn(secret, [b["Name"] for b in reader.list_buckets()["Buckets"]])


if __name__ == "__main__":
    unittest.main()
