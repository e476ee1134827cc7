"""What the generated package `lakefs-sdk` sends and understands, call by call."""

import os
import time
import unittest
import uuid

import lakefs_sdk
from lakefs_sdk.client import LakeFSClient
from lakefs_sdk.exceptions import ApiException


class Sdk(unittest.TestCase):
    def setUp(self):
        configuration = lakefs_sdk.Configuration(
            host=os.environ["LAKECTL_SERVER_ENDPOINT_URL"] + "/api/v1",
            username=os.environ["LAKECTL_CREDENTIALS_ACCESS_KEY_ID"],
            password=os.environ["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"],
        )
        self.client = LakeFSClient(configuration)
        self.repo = "s-" + uuid.uuid4().hex[:12]
        new = lakefs_sdk.RepositoryCreation(name=self.repo, storage_namespace="local://" + self.repo)
        self.client.repositories_api.create_repository(new)

    def test_every_call(self):
        c, repo = self.client, self.repo
        c.health_check_api.health_check()
        self.assertTrue(c.config_api.get_config().version_config.version)
        self.assertEqual(c.repositories_api.get_repository(repo).id, repo)
        self.assertEqual(c.repositories_api.get_repository_metadata(repo), {})
        put = c.objects_api.upload_object(repo, "main", "a", content=b"the content")
        self.assertEqual(put.size_bytes, 11)
        self.assertEqual(bytes(c.objects_api.get_object(repo, "main", "a")), b"the content")
        self.assertEqual(bytes(c.objects_api.get_object(repo, "main", "a", range="bytes=4-6")), b"con")
        c.objects_api.head_object(repo, "main", "a")
        self.assertEqual(c.objects_api.stat_object(repo, "main", "a", user_metadata=False).checksum, put.checksum)
        copied = c.objects_api.copy_object(repo, "main", "b", lakefs_sdk.ObjectCopyCreation(src_path="a", src_ref="main"))
        self.assertEqual((copied.path, copied.checksum), ("b", put.checksum))
        self.assertEqual([o.path for o in c.objects_api.list_objects(repo, "main").results], ["a", "b"])
        made = c.commits_api.commit(repo, "main", lakefs_sdk.CommitCreation(message="m", metadata={"k": "v"}))
        self.assertEqual(c.commits_api.get_commit(repo, made.id), made)
        self.assertEqual(c.branches_api.create_branch(repo, lakefs_sdk.BranchCreation(name="dev", source="main")), made.id)
        self.assertEqual(c.branches_api.get_branch(repo, "dev").commit_id, made.id)
        c.objects_api.delete_object(repo, "dev", "a")
        self.assertEqual(c.objects_api.delete_objects(repo, "dev", lakefs_sdk.PathList(paths=["b"])).errors, [])
        self.assertEqual([d.path for d in c.branches_api.diff_branch(repo, "dev").results], ["a", "b"])
        c.branches_api.reset_branch(repo, "dev", lakefs_sdk.ResetCreation(type="object", path="b"))
        gone = c.commits_api.commit(repo, "dev", lakefs_sdk.CommitCreation(message="without a"))
        self.assertEqual([d.type for d in c.refs_api.diff_refs(repo, "main", "dev").results], ["removed"])
        self.assertEqual([m.id for m in c.refs_api.log_commits(repo, "dev", amount=1).results], [gone.id])
        merged = c.refs_api.merge_into_branch(repo, "dev", "main")
        self.assertEqual(c.branches_api.get_branch(repo, "main").commit_id, merged.reference)
        c.branches_api.revert_branch(repo, "main", lakefs_sdk.RevertCreation(ref=merged.reference, parent_number=1))
        picked = c.branches_api.cherry_pick(repo, "main", lakefs_sdk.CherryPickCreation(ref=gone.id))
        self.assertEqual(picked.message, "without a")
        tag = c.tags_api.create_tag(repo, lakefs_sdk.TagCreation(id="v1", ref=made.id))
        self.assertEqual(c.tags_api.get_tag(repo, "v1"), tag)
        self.assertEqual(c.tags_api.list_tags(repo).results, [tag])
        c.tags_api.delete_tag(repo, "v1")
        self.assertEqual([b.id for b in c.branches_api.list_branches(repo).results], ["dev", "main"])
        c.branches_api.delete_branch(repo, "dev")
        c.repositories_api.delete_repository(repo)
        with self.assertRaises(ApiException) as missing:
            c.repositories_api.get_repository(repo)
        self.assertEqual(missing.exception.status, 404)

    def test_an_import_that_is_cancelled_changes_nothing(self):
        c, repo = self.client, self.repo
        where = [lakefs_sdk.ImportLocation(type="common_prefix", path="lake://exports/", destination=f"{n}/") for n in range(200)]
        new = lakefs_sdk.ImportCreation(paths=where, commit=lakefs_sdk.CommitCreation(message="m"))
        began = c.import_api.import_start(repo, "main", new)
        c.import_api.import_cancel(repo, "main", began.id)
        while (status := c.import_api.import_status(repo, "main", began.id)).error is None:
            self.assertFalse(status.completed)
            time.sleep(0.05)
        self.assertIn("was cancelled", status.error.message)
        self.assertEqual(c.objects_api.list_objects(repo, "main").results, [])
        self.assertEqual([b.id for b in c.branches_api.list_branches(repo, show_hidden=True).results], ["main"])
        for call in (c.import_api.import_status, c.import_api.import_cancel):
            with self.assertRaises(ApiException) as missing:
                call(repo, "main", "none")
            self.assertEqual(missing.exception.status, 404)

    def test_conditions_and_ranges(self):
        c, repo = self.client, self.repo
        c.objects_api.upload_object(repo, "main", "a", content=b"12345")
        for call, status in [
            (lambda: c.objects_api.upload_object(repo, "main", "a", if_none_match="*", content=b"x"), 412),
            (lambda: c.objects_api.get_object(repo, "main", "a", range="bytes=5-"), 416),
            (lambda: c.objects_api.get_object(repo, "main", "none"), 404),
            (lambda: c.commits_api.commit(repo, "none", lakefs_sdk.CommitCreation(message="m")), 404),
        ]:
            with self.assertRaises(ApiException) as failed:
                call()
            self.assertEqual(failed.exception.status, status)


if __name__ == "__main__":
    unittest.main()
