"""What data tools do through the gateway: s3fs with pandas, PyArrow, and the command `aws`."""

import os
import subprocess
import sys
import tempfile
import unittest
import uuid

import lakefs
import pandas
import pyarrow
import pyarrow.fs
import pyarrow.parquet
import s3fs

URL = os.environ["LAKECTL_SERVER_ENDPOINT_URL"]
KEY, SECRET = os.environ["LAKECTL_CREDENTIALS_ACCESS_KEY_ID"], os.environ["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"]


class DataTools(unittest.TestCase):
    def setUp(self):
        self.bucket = "b-" + uuid.uuid4().hex[:12]
        lakefs.repository(self.bucket).create("local://" + self.bucket)
        self.main = self.bucket + "/main"

    def test_s3fs_and_pandas(self):
        options = {"key": KEY, "secret": SECRET, "client_kwargs": {"endpoint_url": URL, "region_name": "us-east-1"}}
        frame = pandas.DataFrame({"x": range(1000), "y": [str(n) for n in range(1000)]})
        frame.to_csv(f"s3://{self.main}/raw/a.csv", index=False, storage_options=options)
        frame.to_parquet(f"s3://{self.main}/raw/a.parquet", storage_options=options)
        read = pandas.read_csv(f"s3://{self.main}/raw/a.csv", dtype={"y": str}, storage_options=options)
        pandas.testing.assert_frame_equal(read, frame, check_dtype=False)
        read = pandas.read_parquet(f"s3://{self.main}/raw/a.parquet", columns=["x"], storage_options=options)
        self.assertEqual(list(read["x"]), list(range(1000)))
        fs = s3fs.S3FileSystem(**options)
        self.assertEqual(sorted(fs.ls(f"{self.main}/raw")), [f"{self.main}/raw/a.csv", f"{self.main}/raw/a.parquet"])
        # In parts, and read from the middle.
        large = os.urandom(1 << 20) * 11
        with fs.open(f"{self.main}/large", "wb", block_size=5 << 20) as out:
            out.write(large)
        with fs.open(f"{self.main}/large", "rb") as there:
            there.seek(7 << 20)
            self.assertTrue(there.read(1000) == large[7 << 20 :][:1000])
        self.assertEqual(fs.info(f"{self.main}/large")["size"], len(large))
        fs.copy(f"{self.main}/raw/a.csv", f"{self.main}/copy.csv")
        self.assertTrue(fs.exists(f"{self.main}/copy.csv"))
        fs.rm(f"{self.main}/raw", recursive=True)
        fs.invalidate_cache()
        self.assertFalse(fs.exists(f"{self.main}/raw"))

    def test_pyarrow(self):
        fs = pyarrow.fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=URL.removeprefix("http://"), scheme="http", region="us-east-1")
        table = pyarrow.table({"n": list(range(10000)), "kind": ["even", "odd"] * 5000})
        pyarrow.parquet.write_to_dataset(table, f"{self.main}/numbers", partition_cols=["kind"], filesystem=fs)
        names = [info.path for info in fs.get_file_info(pyarrow.fs.FileSelector(f"{self.main}/numbers"))]
        self.assertEqual(sorted(names), [f"{self.main}/numbers/kind=even", f"{self.main}/numbers/kind=odd"])
        odd = pyarrow.parquet.read_table(f"{self.main}/numbers", filters=[("kind", "=", "odd"), ("n", "<", 10)], filesystem=fs)
        self.assertEqual(sorted(odd["n"].to_pylist()), [1, 3, 5, 7, 9])
        self.assertEqual(fs.get_file_info(f"{self.main}/none").type, pyarrow.fs.FileType.NotFound)
        fs.delete_dir(f"{self.main}/numbers")
        self.assertEqual(fs.get_file_info(f"{self.main}/numbers").type, pyarrow.fs.FileType.NotFound)

    def test_the_command_aws(self):
        variables = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": URL, "AWS_DEFAULT_REGION": "us-east-1"}

        def aws(*arguments):
            program = os.path.join(os.path.dirname(sys.executable), "aws")
            done = subprocess.run([program, *arguments], env={**os.environ, **variables}, capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            return done.stdout.decode()

        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(f"{folder}/there/sub")
            for path, text in [("a.csv", "1"), ("sub/b c.csv", "22")]:
                with open(f"{folder}/there/{path}", "w", encoding="utf-8") as file:
                    file.write(text)
            aws("s3", "sync", f"{folder}/there", f"s3://{self.main}/raw/")
            self.assertIn("sub/", aws("s3", "ls", f"s3://{self.main}/raw/"))
            aws("s3", "cp", "--recursive", f"s3://{self.main}/raw/", f"{folder}/back")
            with open(f"{folder}/back/sub/b c.csv", encoding="utf-8") as file:
                self.assertEqual(file.read(), "22")
            aws("s3", "rm", f"s3://{self.main}/raw/a.csv")
            self.assertNotIn("a.csv", aws("s3", "ls", "--recursive", f"s3://{self.main}/"))


if __name__ == "__main__":
    unittest.main()
