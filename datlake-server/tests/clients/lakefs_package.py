"""What people do with the package `lakefs`, against a server of ours: the address and a key pair are in the environment."""

import base64
import hashlib
import os
import time
import unittest
import urllib.error
import urllib.request
import uuid
from datetime import timedelta

import lakefs
import lakefs_sdk
from lakefs.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    ImportManagerException,
    NotAuthorizedException,
    NotFoundException,
    ObjectExistsException,
    ObjectNotFoundException,
)


# `lake`, or the kind of bucket that the lake is in.
STORE = os.environ["STORE"]


def content(obj):
    with obj.reader(mode="r") as reader:
        return reader.read()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Lakefs(unittest.TestCase):
    def setUp(self):
        self.repo = lakefs.repository("r-" + uuid.uuid4().hex[:12]).create("s3://somewhere", exist_ok=True)
        self.main = self.repo.branch("main")

    def put(self, branch, files, message):
        for path, text in files.items():
            branch.object(path).upload(text)
        return branch.commit(message)

    def test_the_chain_of_credentials(self):
        """From the environment, and given; what is wrong is refused."""
        client = lakefs.Client()
        self.assertRegex(client.version, r"^\d+\.\d+\.\d+$")
        self.assertEqual(client.storage_config.blockstore_type, STORE)
        self.assertEqual(client.storage_config.pre_sign_support, STORE != "lake")
        self.assertEqual(client.sdk_client.auth_api.get_current_user().user.id, "root")
        wrong = lakefs.Client(host=os.environ["LAKECTL_SERVER_ENDPOINT_URL"], username="ROOT", password="wrong")
        with self.assertRaises(NotAuthorizedException):
            lakefs.repository(self.repo.id, client=wrong).branch("main").get_commit()

    def test_repositories(self):
        self.assertEqual(self.repo.properties.default_branch, "main")
        self.assertEqual(self.repo.metadata, {})
        again = lakefs.repository(self.repo.id).create("s3://other", exist_ok=True)
        self.assertEqual(again.properties.creation_date, self.repo.properties.creation_date)
        with self.assertRaises(ConflictException):
            lakefs.repository(self.repo.id).create("s3://other")
        self.assertIn(self.repo.id, [repo.id for repo in lakefs.repositories(prefix="r-")])
        self.repo.delete()
        with self.assertRaises(NotFoundException):
            lakefs.repository(self.repo.id).properties

    def test_objects(self):
        obj = self.main.object("raw/ä b.csv").upload("x,1\ny,2\n", content_type="text/csv", metadata={"rows": "2"})
        stat = obj.stat()
        self.assertEqual((stat.size_bytes, stat.content_type, stat.metadata), (8, "text/csv", {"rows": "2"}))
        self.assertEqual(len(stat.checksum), 64)
        self.assertEqual(stat.physical_address, "lake://" + stat.checksum)
        self.assertTrue(obj.exists() and not self.main.object("none").exists())
        with obj.reader(mode="r") as reader:
            self.assertEqual(reader.read(3), "x,1")
            self.assertEqual((reader.tell(), reader.read(), reader.read()), (3, "\ny,2\n", ""))
            reader.seek(-4, os.SEEK_END)
            self.assertEqual(reader.read(), "y,2\n")
            reader.seek(100)
            self.assertEqual(reader.read(5), "")
        with obj.reader(mode="r") as reader:
            self.assertEqual(list(reader), ["x,1\n", "y,2\n"])
        with obj.writer(mode="wb") as writer:
            writer.write(b"new")
            writer.write(b" content")
            self.assertEqual(content(obj), "x,1\ny,2\n")
        self.assertEqual(content(obj), "new content")
        # Large enough to leave the client's memory.
        large = os.urandom(1 << 20) * 40
        with self.main.object("large").writer(mode="wb") as writer:
            writer.write(large)
        with self.main.object("large").reader(mode="rb") as reader:
            self.assertEqual(reader.read(), large)
        with self.assertRaises(ZeroDivisionError):
            with self.main.object("never").writer() as writer:
                writer.write(b"1")
                raise ZeroDivisionError
        self.assertFalse(self.main.object("never").exists())
        with self.assertRaises(ObjectExistsException):
            self.main.object("large").upload("x", mode="x")
        self.main.object("first").upload("1", mode="xb")
        with self.assertRaises(ObjectNotFoundException):
            content(self.main.object("none"))
        copy = obj.copy("main", "copy.csv")
        self.assertEqual(content(copy), "new content")
        obj.delete()
        self.assertFalse(obj.exists())

    def test_listings(self):
        files = {path: path for path in ["a", "raw/1", "raw/2", "raw/old/3", "z"]}
        commit = self.put(self.main, files, "files")
        for ref in [self.main, commit, self.repo.ref("main~0")]:
            self.assertEqual([o.path for o in ref.objects(amount=2)], sorted(files))
        self.assertEqual([o.path for o in self.main.objects(max_amount=2)], ["a", "raw/1"])
        self.assertEqual([o.path for o in self.main.objects(after="raw/2")], ["raw/old/3", "z"])
        top = list(self.main.objects(delimiter="/", amount=1))
        self.assertEqual([type(o).__name__ for o in top], ["ObjectInfo", "CommonPrefix", "ObjectInfo"])
        self.assertTrue(top[1].path == "raw/" and any(self.main.objects(prefix=top[1].path)))
        self.main.delete_objects(["a", "z", "none"])
        self.main.delete_objects(self.main.object("raw/1"))
        self.assertEqual([o.path for o in self.main.objects()], ["raw/2", "raw/old/3"])
        self.assertEqual({(c.type, c.path) for c in self.main.uncommitted()}, {("removed", p) for p in ["a", "raw/1", "z"]})
        self.main.reset_changes("object", "a")
        self.main.reset_changes("common_prefix", "raw/")
        self.assertEqual([c.path for c in self.main.uncommitted()], ["z"])
        self.main.reset_changes()
        self.assertEqual(list(self.main.uncommitted()), [])

    def test_branches_commits_and_merges(self):
        first = self.put(self.main, {"a": "1", "gone": "1"}, "first")
        dev = self.repo.branch("dev").create("main")
        with self.assertRaises(ConflictException):
            self.repo.branch("dev").create("main")
        self.repo.branch("dev").create("main", exist_ok=True)
        self.assertEqual([b.id for b in self.repo.branches()], ["dev", "main"])
        dev.object("gone").delete()
        second = self.put(dev, {"a": "22", "raw/b": "1"}, "second")
        changes = {c.path: (c.type, c.size_bytes) for c in self.main.diff(dev)}
        self.assertEqual(changes, {"a": ("changed", 2), "gone": ("removed", 0), "raw/b": ("added", 1)})
        self.assertEqual([(c.type, c.path) for c in self.main.diff(dev, delimiter="/", prefix="r")], [("prefix_changed", "raw/")])
        self.assertEqual(dev.head.id, second.id)
        commit = second.get_commit()
        self.assertEqual((commit.message, commit.parents, commit.committer), ("second", [first.id], "root"))
        merged = dev.merge_into(self.main, message="merged", metadata={"k": "v"})
        self.assertEqual(self.main.get_commit().id, merged)
        self.assertEqual((self.main.get_commit().metadata, content(self.main.object("a"))), ({"k": "v"}, "22"))
        self.assertEqual([c.message for c in self.main.log()][:3], ["merged", "second", "first"])
        self.assertEqual(len(list(self.main.log(max_amount=2))), 2)
        with self.assertRaises(BadRequestException):
            dev.merge_into(self.main)
        with self.assertRaises(BadRequestException):
            self.main.commit("nothing")
        reverted = self.main.revert(merged, parent_number=1)
        self.assertEqual((reverted.message.splitlines()[0], content(self.main.object("a"))), ('Revert "merged"', "1"))
        self.put(dev, {"c": "1"}, "third")
        self.assertEqual(self.main.cherry_pick(dev).message, "third")
        self.put(dev, {"a": "dev"}, "dev")
        self.put(self.main, {"a": "main"}, "main")
        with self.assertRaises(ConflictException):
            dev.merge_into(self.main)
        dev.merge_into(self.main, strategy="source-wins")
        self.assertEqual(content(self.main.object("a")), "dev")
        dev.delete()
        with self.assertRaises(NotFoundException):
            dev.get_commit()

    def test_tags(self):
        commit = self.put(self.main, {"a": "1"}, "first")
        tag = self.repo.tag("v1").create(commit)
        with self.assertRaises(ConflictException):
            self.repo.tag("v1").create("main")
        self.main.object("a").upload("2")
        self.assertEqual((content(tag.object("a")), tag.get_commit().id), ("1", commit.id))
        self.assertEqual([t.id for t in self.repo.tags()], ["v1"])
        self.assertFalse(hasattr(tag.object("a"), "upload"))
        tag.delete()
        with self.assertRaises(NotFoundException):
            tag.get_commit()

    def test_transactions(self):
        self.put(self.main, {"a": "1"}, "first")
        with self.main.transact(commit_message="all of it", commit_metadata={"k": "v"}) as tx:
            tx.object("a").upload("2")
            tx.object("b").upload("1")
            self.assertEqual(content(self.main.object("a")), "1")
            self.assertEqual([b.id for b in self.repo.branches()], ["main"])
        merged, committed = list(self.main.log(max_amount=2))
        self.assertEqual((len(merged.parents), committed.message, committed.metadata), (2, "all of it", {"k": "v"}))
        self.assertEqual(content(self.main.object("a")), "2")
        kept = None
        with self.assertRaises(ZeroDivisionError):
            with self.main.transact(commit_message="never", delete_branch_on_error=False) as tx:
                kept = tx.id
                tx.object("c").upload("1")
                raise ZeroDivisionError
        self.assertFalse(self.main.object("c").exists())
        self.assertEqual(content(self.repo.branch(kept).object("c")), "1")

    def test_presigned(self):
        """By URLs of the store, where it gives them out, and refused where it does not."""
        obj = self.main.object("raw/p q.csv")
        if STORE == "lake":
            obj.upload("x")
            for call in (lambda: obj.stat(pre_sign=True), lambda: obj.reader(pre_sign=True).read(1), lambda: obj.upload("y", pre_sign=True)):
                with self.assertRaises((BadRequestException, lakefs_sdk.exceptions.BadRequestException)):
                    call()
            self.assertEqual(content(obj), "x")
            return
        obj.upload("0123456789", content_type="text/csv", metadata={"rows": "1"}, pre_sign=True)
        stat = obj.stat(pre_sign=True)
        self.assertTrue(stat.physical_address.startswith("http") and stat.physical_address_expiry > time.time())
        self.assertEqual((stat.content_type, stat.metadata, stat.size_bytes), ("text/csv", {"rows": "1"}, 10))
        self.assertEqual(urllib.request.urlopen(stat.physical_address).read(), b"0123456789")
        self.assertTrue(self.main.object(obj.path).stat().physical_address.startswith("lake://"))
        self.assertTrue(all(o.physical_address.startswith("http") for o in self.main.objects(presign=True)))
        with obj.reader(pre_sign=True) as reader:
            reader.seek(4)
            self.assertEqual((reader.read(3), reader.read()), (b"456", b"789"))
        with obj.reader(pre_sign=False) as reader:
            self.assertEqual(reader.read(), b"0123456789")
        with self.assertRaises(ObjectExistsException):
            obj.upload("x", mode="x", pre_sign=True)
        # Larger than a part, and nothing.
        large = os.urandom(1 << 20) * 9
        for path, expected in [("large", large), ("empty", b"")]:
            self.main.object(path).upload(expected, pre_sign=True)
            with self.main.object(path).reader() as reader:
                self.assertTrue(reader.read() == expected)
        # What is made an object of is what the client says that it put, once.
        api, repo = lakefs.Client().sdk_client, self.repo.id
        host = os.environ["LAKECTL_SERVER_ENDPOINT_URL"] + "/api/v1/repositories/" + repo
        key = os.environ["LAKECTL_CREDENTIALS_ACCESS_KEY_ID"] + ":" + os.environ["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"]
        signed_in = {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}

        def put(url, data):
            headers = {"x-ms-blob-type": "BlockBlob"} if STORE == "azure" else {}
            return urllib.request.urlopen(urllib.request.Request(url, data=data, method="PUT", headers=headers)).headers["ETag"].strip('"')

        def link(place, tag, size):
            said = lakefs_sdk.StagingMetadata(staging=place, checksum=tag, size_bytes=size)
            return api.staging_api.link_physical_address(repo, "main", "linked", staging_metadata=said)

        place = api.staging_api.get_physical_address(repo, "main", "linked", presign=True)
        with self.assertRaises(lakefs_sdk.ApiException) as nothing:
            link(place, "tag", 5)
        self.assertEqual(nothing.exception.status, 404)
        first = put(place.presigned_url, b"first")
        second = put(place.presigned_url, b"other")
        for tag, size in [(first, 5), (second, 4), ("0" * 32, 5)]:
            with self.assertRaises(lakefs_sdk.ApiException) as replaced:
                link(place, tag, size)
            self.assertEqual(replaced.exception.status, 409)
        self.assertFalse(self.main.object("linked").exists())
        self.assertEqual(link(place, hashlib.md5(b"other").hexdigest(), 5).size_bytes, 5)
        with self.assertRaises(lakefs_sdk.ApiException) as again:
            link(place, second, 5)
        self.assertEqual(again.exception.status, 404)
        with self.assertRaises(lakefs_sdk.ApiException) as elsewhere:
            link(lakefs_sdk.StagingLocation(physical_address="s3://datlake/other"), second, 5)
        self.assertEqual(elsewhere.exception.status, 400)
        # It leads to the store, for whoever follows.
        asked = urllib.request.Request(host + "/refs/main/objects?path=linked&presign=true", headers=signed_in)
        redirected = urllib.request.build_opener(NoRedirect).open
        with self.assertRaises(urllib.error.HTTPError) as found:
            redirected(asked)
        self.assertEqual((found.exception.code, urllib.request.urlopen(found.exception.headers["Location"]).read()), (302, b"other"))

    def test_imports(self):
        """From the lake and from a folder that the operator allows: started, waited for, run; refused, cancelled, failed."""
        folder = os.environ["IMPORT_FOLDER"]
        started = self.main.import_data("two sources", {"k": "v"})
        started.prefix("lake://exports/", "raw/").object("lake://exports/jan.csv", "first.csv")
        self.assertEqual(started.import_id, None)
        self.assertEqual(started.start(), started.import_id)
        done = started.wait(timedelta(milliseconds=50))
        self.assertEqual((done.completed, done.ingested_objects, done.error), (True, 3, None))
        self.assertEqual((done.commit.message, done.commit.metadata, done.metarange_id), ("two sources", {"k": "v"}, done.commit.meta_range_id))
        self.assertEqual(self.main.get_commit().id, done.commit.id)
        self.assertEqual(started.status().commit.id, done.commit.id)
        self.assertEqual([o.path for o in self.main.objects()], ["first.csv", "raw/feb.csv", "raw/jan.csv"])
        with self.assertRaises(ConflictException):
            started.cancel()
        with self.assertRaises(ImportManagerException):
            started.start()
        quick = timedelta(milliseconds=50)
        done = self.main.import_data("a folder").prefix("file://" + folder, "disk/").object("file://" + folder + "/a.txt", "b.txt").run(quick)
        self.assertEqual(done.ingested_objects, 3)
        self.assertEqual((content(self.main.object("disk/sub/c.txt")), content(self.main.object("b.txt"))), ("c", "a"))
        self.assertEqual([b.id for b in self.repo.branches()], ["main"])
        for source, refused in [
            ("file:///etc/passwd", ForbiddenException),
            ("file://" + folder + "/../secret.txt", ForbiddenException),
            ("file://" + folder + "/nothing", ForbiddenException),
            ("s3://bucket/key", ForbiddenException),
            ("http://127.0.0.1/latest/meta-data", BadRequestException),
        ]:
            with self.assertRaises(refused):
                self.main.import_data("never").object(source, "never").start()
        for kind, source in [("prefix", "lake://nothing/"), ("object", "lake://" + self.repo.id + "@main:b.txt"), ("prefix", "file://" + folder + "-out")]:
            with self.assertRaises(ImportManagerException):
                getattr(self.main.import_data("fails"), kind)(source, "never/").run(quick)
        with self.assertRaises(NotFoundException):
            lakefs.repository(self.repo.id).branch("none").import_data("m").prefix("lake://exports/", "").start()
        writer = lakefs.Client(host=os.environ["LAKECTL_SERVER_ENDPOINT_URL"], access_token=os.environ["WRITERS_TOKEN"])
        theirs = lakefs.repository(self.repo.id, client=writer).branch("main")
        with self.assertRaises(ForbiddenException):
            theirs.import_data("theirs").prefix("lake://private/", "").start()
        self.assertTrue(theirs.import_data("theirs").prefix("lake://exports/j", "theirs/").run(quick).completed)

    def test_what_a_bucket_has_is_imported_without_reading_it(self):
        """The bucket is that of the lake, so that something is there; run where the lake is in one."""
        bucket = os.environ["IMPORT_BUCKET"]
        if not bucket:
            self.skipTest("the lake is in no bucket")
        text = "0123456789" * 100000
        digest = self.main.object("seen").upload(text).stat().checksum
        # An import is merged, which a branch with uncommitted changes refuses.
        self.main.commit("seen")
        quick = timedelta(milliseconds=50)
        done = self.main.import_data("in place").prefix(bucket + digest[:2] + "/", "in/").run(quick)
        self.assertTrue(done.completed and done.ingested_objects >= 1)
        self.main.import_data("one").object(bucket + digest[:2] + "/" + digest, "one").run(quick)
        for path in ["in/" + digest, "one"]:
            obj = self.main.object(path)
            stat = obj.stat()
            self.assertEqual((stat.size_bytes, stat.physical_address), (len(text), f"{bucket}{digest[:2]}/{digest}"))
            self.assertTrue(stat.checksum not in ("", digest) and stat.mtime > 1700000000)
            for pre_sign in [False, True]:
                with obj.reader(mode="r", pre_sign=pre_sign) as reader:
                    self.assertEqual(reader.read(3), "012")
                    reader.seek(-4, os.SEEK_END)
                    self.assertEqual(reader.read(), "6789")
        self.assertEqual(content(self.main.object("one").copy("main", "copy")), text)
        self.assertEqual(self.main.object("copy").stat().checksum, digest)
        for source in [bucket + "../files/", bucket.replace("blobs", "calls")]:
            with self.assertRaises(ForbiddenException):
                self.main.import_data("never").prefix(source, "never/").start()

    def test_rights(self):
        reader = lakefs.Client(host=os.environ["LAKECTL_SERVER_ENDPOINT_URL"], access_token=os.environ["READERS_TOKEN"])
        branch = lakefs.repository(self.repo.id, client=reader).branch("main")
        self.assertEqual(list(branch.objects()), [])
        with self.assertRaises(ForbiddenException) as refused:
            branch.object("a").upload("1")
        self.assertIn("lacks the role `writer`", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
