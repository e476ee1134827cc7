"""What a task costs that does next to nothing: tasks.py PEER FOLDER COUNT, by two workers. Starting the tool does not count, but of Snakemake."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

peer, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])


def ray_tasks():
    """Keeps nothing."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", object_store_memory=80_000_000)

    @ray.remote
    def small(n):
        return n + 1

    # Its workers are there.
    ray.get([small.remote(n) for n in range(8)])
    return lambda: ray.get([small.remote(n) for n in range(count)])


def redun_tasks():
    """Keeps results and how they came to be, in SQLite."""
    from redun import Scheduler, task
    from redun.config import Config

    @task(namespace="bench", version="1")
    def small(n):
        return n + 1

    @task(namespace="bench", version="1", cache=False)
    def main(of):
        return [small(n) for n in of]

    config = {"backend": {"db_uri": f"sqlite:///{folder}/redun.db"}, "executors.default": {"type": "local", "max_workers": "2"}}
    scheduler = Scheduler(config=Config(config))
    scheduler.load()
    # No call is one of the round before.
    first = time.time_ns()
    return lambda: scheduler.run(main(range(first, first + count)))


def snakemake_tasks():
    """Each makes a file, by a shell."""
    place = folder / str(time.time_ns())
    place.mkdir()
    rule = f"rule all:\n    input: expand('{{n}}.txt', n=range({count}))\nrule small:\n    output: '{{n}}.txt'\n    shell: 'echo {{wildcards.n}} > {{output}}'\n"
    (place / "Snakefile").write_text(rule)
    program = [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--quiet", "all"]
    # What it needs until it knows that there is nothing to do.
    subprocess.run([*program, "--dry-run"], cwd=place, check=True, capture_output=True)
    return lambda: subprocess.run(program, cwd=place, check=True, capture_output=True)


work = {"ray": ray_tasks, "redun": redun_tasks, "snakemake": snakemake_tasks}[peer]()
begun = time.perf_counter()
work()
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
# The last line alone counts; a peer may print.
sys.__stdout__.write("\n" + json.dumps({"seconds": seconds, "peak": peak}) + "\n")
