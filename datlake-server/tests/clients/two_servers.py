"""An upload in parts through servers that share a lake's remote and a database: each request goes to another than the one before.

    two_servers.py begin URL URL        begins one, and says what it is, as JSON
    two_servers.py complete TEXT URL    completes it
"""

import itertools
import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = "sales"


def client(url):
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=os.environ["LAKECTL_CREDENTIALS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def refused(code, call):
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
    else:
        raise AssertionError(f"it is no {code}")


def parts_of(s3, which, **more):
    return [(part["PartNumber"], part["Size"]) for part in s3.list_parts(**which, **more)["Parts"]]


def begin(*urls):
    servers = itertools.cycle([client(url) for url in urls])
    next(servers).put_object(Bucket=BUCKET, Key="main/source", Body=b"0123456789")
    begun = next(servers).create_multipart_upload(Bucket=BUCKET, Key="main/parts", ContentType="text/plain", Metadata={"k": "v"})
    which = {"Bucket": BUCKET, "Key": "main/parts", "UploadId": begun["UploadId"]}
    wrong = next(servers).upload_part(PartNumber=1, Body=b"wrong", **which)
    first = next(servers).upload_part(PartNumber=1, Body=b"first ", **which)
    copied = next(servers).upload_part_copy(
        PartNumber=2, CopySource=f"{BUCKET}/main/source", CopySourceRange="bytes=2-4", **which
    )
    assert wrong["ETag"] != first["ETag"]
    assert parts_of(next(servers), which) == [(1, 6), (2, 3)]
    page = next(servers).list_parts(MaxParts=1, **which)
    assert page["IsTruncated"] and page["NextPartNumberMarker"] == 1
    assert parts_of(next(servers), which, PartNumberMarker=1) == [(2, 3)]
    other = next(servers).create_multipart_upload(Bucket=BUCKET, Key="main/given/up")
    given_up = {"Bucket": BUCKET, "Key": "main/given/up", "UploadId": other["UploadId"]}
    next(servers).upload_part(PartNumber=1, Body=b"x", **given_up)
    uploads = next(servers).list_multipart_uploads(Bucket=BUCKET, Prefix="main/", Delimiter="/")
    assert [upload["Key"] for upload in uploads["Uploads"]] == ["main/parts"], uploads
    assert [prefix["Prefix"] for prefix in uploads["CommonPrefixes"]] == ["main/given/"], uploads
    next(servers).abort_multipart_upload(**given_up)
    for _ in urls:
        refused("NoSuchUpload", lambda: next(servers).upload_part(PartNumber=1, Body=b"x", **given_up))
    parts = [(1, first["ETag"]), (2, copied["CopyPartResult"]["ETag"])]
    print(json.dumps({"which": which, "parts": parts}))


def complete(text, url):
    begun, s3 = json.loads(text), client(url)
    which, parts = begun["which"], begun["parts"]
    assert parts_of(s3, which) == [(1, 6), (2, 3)]
    parts.append((3, s3.upload_part(PartNumber=3, Body=b" end", **which)["ETag"]))
    named = {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in parts]}
    done = s3.complete_multipart_upload(MultipartUpload=named, IfNoneMatch="*", **which)
    s3.put_object(Bucket=BUCKET, Key="main/parts", Body=b"of somebody else")
    # The reply may have been lost.
    again = s3.complete_multipart_upload(MultipartUpload=named, IfNoneMatch="*", **which)
    assert done["ETag"] == again["ETag"]
    assert s3.get_object(Bucket=BUCKET, Key="main/parts")["Body"].read() == b"of somebody else"
    s3.copy_object(Bucket=BUCKET, Key="main/copy", CopySource=f"{BUCKET}/main/source")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    refused("NoSuchUpload", lambda: s3.list_parts(**which))
    print(done["ETag"])


if __name__ == "__main__":
    {"begin": begin, "complete": complete}[sys.argv[1]](*sys.argv[2:])
