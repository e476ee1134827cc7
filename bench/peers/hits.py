"""What a peer's skipped calls cost: hits.py PEER FOLDER COUNT. The first run makes the calls."""

import json
import resource
import sys
import time

peer, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def joblib_hits():
    import joblib

    @joblib.Memory(folder, verbose=0).cache
    def small(n):
        return n + 1

    for n in range(count):
        small(n)


def redun_hits():
    from redun import Scheduler, task
    from redun.config import Config

    @task(namespace="bench", version="1")
    def small(n):
        return n + 1

    @task(namespace="bench", version="1", cache=False)
    def main():
        return [small(n) for n in range(count)]

    config = Config({"backend": {"db_uri": f"sqlite:///{folder}/redun.db"}})
    scheduler = Scheduler(config=config)
    scheduler.load()
    scheduler.run(main())


begun = time.perf_counter()
{"joblib": joblib_hits, "redun": redun_hits}[peer]()
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
# The last line alone counts; a peer may print.
sys.__stdout__.write(json.dumps({"seconds": seconds, "peak": peak}) + "\n")
