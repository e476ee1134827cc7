"""The processes of a run, as actors of Ray. `datlake run --on ray` has written this.

What the processes say, and how they end, is printed: a JSON text on a line of its own, behind U+001E. Other lines of the job's log are
Ray's own.
"""

import collections
import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import ray

RUN = {}

# A process whose actors end so often, on nodes that live, has no more turns. The pause before the next doubles, from a second on: Ray may
# not know yet that a node has failed, and put the next one there.
DEATHS = 5
SIGTERM_WITH_PARENT = 1


def end_with_parent():
    """What a process does so that it does not outlive the worker that started it, where the system can see to that."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return prctl and (lambda: prctl(SIGTERM_WITH_PARENT, signal.SIGTERM))


@ray.remote(max_concurrency=3)
class Process:
    """One process, on a node that had room for it."""

    def __init__(self, rank, job):
        # Who reads too slowly makes the process wait.
        self.said = queue.Queue(maxsize=64)
        self.lock, self.process, self.stopped = threading.Lock(), None, False
        here = ray.get_runtime_context().get_node_id()
        names = [node["NodeName"] for node in ray.nodes() if node["NodeID"] == here]
        told = {"DATLAKE_RANK": str(rank), "DATLAKE_RAY_JOB": job, "DATLAKE_RAY_NODE": (names or [here])[0]}
        if RUN["each_job"]:
            # Whoever has the script may submit it again, which is another run.
            told["DATLAKE_RUN"] = f"{RUN['environment']['DATLAKE_RUN']}.{job}"[:64]
        self.environment = {**os.environ, **RUN["environment"], **told}
        self.said.put({"node": here})
        # The kernel counts this thread as the parent: it lives as long as the process.
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        folder = RUN["folder"] if os.path.isdir(RUN["folder"]) else None
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            with self.lock:
                if self.stopped:
                    return self.said.put({"signal": int(signal.SIGTERM)})
                self.process = subprocess.Popen(
                    RUN["command"], cwd=folder, env=self.environment, start_new_session=True,
                    preexec_fn=end_with_parent(), **pipes,
                )
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            self.said.put({"err": f"cannot start {RUN['command'][0]}: {error}\n"})
            return self.said.put({"code": 127})
        streams = {"out": self.process.stdout, "err": self.process.stderr}
        readers = [threading.Thread(target=self.read, args=pair, daemon=True) for pair in streams.items()]
        for reader in readers:
            reader.start()
        status = self.process.wait()
        for reader in readers:
            # What it has left running may hold them open.
            reader.join(5)
        self.said.put({"code": status} if status >= 0 else {"signal": -status})

    def read(self, name, stream):
        while piece := os.read(stream.fileno(), 32768):
            try:
                self.said.put({name: piece.decode()})
            except UnicodeDecodeError:
                self.said.put({name + "_hex": piece.hex()})

    def next(self):
        """What was said since; nothing after a while without anything."""
        pieces = []
        try:
            pieces.append(self.said.get(timeout=10))
            while len(pieces) < 16:
                pieces.append(self.said.get_nowait())
        except queue.Empty:
            pass
        return pieces

    def stop(self):
        with self.lock:
            self.stopped = True
        if self.process is None:
            return
        for sign, wait in [(signal.SIGTERM, RUN["grace"]), (signal.SIGKILL, None)]:
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(wait)
                return
            except subprocess.TimeoutExpired:
                pass
            except ProcessLookupError:
                return


class Run:
    """All processes: those that are started, and the answers that are awaited of them."""

    def __init__(self):
        told = json.loads(os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")).get("metadata", {})
        self.job = told.get("job_submission_id", ray.get_runtime_context().get_job_id())
        self.actors, self.awaited, self.nodes, self.ends = {}, {}, {}, {}
        self.deaths, self.due = collections.defaultdict(list), {}
        for rank in range(RUN["processes"]):
            self.start(rank)

    def start(self, rank):
        self.nodes.pop(rank, None)
        self.actors[rank] = Process.options(scheduling_strategy="SPREAD", **RUN["options"]).remote(rank, self.job)
        self.awaited[self.actors[rank].next.remote()] = rank

    def take(self, answer, stopping):
        """Prints what a process said, and awaits more."""
        rank = self.awaited.pop(answer)
        try:
            pieces = ray.get(answer)
        except ray.exceptions.RayError as error:
            return self.lost(rank, str(error).strip().splitlines() or ["Ray does not say why"], stopping)
        for piece in pieces:
            if "node" in piece:
                self.nodes[rank] = piece["node"]
            if "code" in piece or "signal" in piece:
                self.ends[rank] = piece.get("code")
                # Its resources are for the next.
                ray.kill(self.actors.pop(rank))
            say(rank=rank, **piece)
        if rank not in self.ends:
            self.awaited[self.actors[rank].next.remote()] = rank

    def lost(self, rank, why, stopping):
        """Its actor is gone. What was done is done: it begins anew, as often as nodes fail."""
        self.deaths[rank].append(self.nodes.get(rank))
        dead = {node["NodeID"] for node in ray.nodes() if not node["Alive"]}
        deaths = sum(node not in dead for node in self.deaths[rank])
        if stopping or deaths >= DEATHS:
            return self.end(rank, "its actor has died: " + " ".join(why[-2:]))
        say(rank=rank, again=True)
        say(note=f"process {rank} begins anew: its node has failed, or the actor that had started it")
        self.due[rank] = time.monotonic() + 2 ** max(deaths - 1, 0)

    def start_due(self):
        for rank in [rank for rank, due in self.due.items() if due <= time.monotonic()]:
            del self.due[rank]
            self.start(rank)

    def end(self, rank, why):
        self.ends[rank] = None
        say(rank=rank, lost=why)

    def stop(self):
        for rank in self.due:
            self.end(rank, "it had not begun again")
        self.due.clear()
        for answer, rank in list(self.awaited.items()):
            if rank in self.nodes:
                self.actors[rank].stop.remote()
            else:
                del self.awaited[answer]
                ray.kill(self.actors.pop(rank))
                self.end(rank, "it had not begun")


def say(**what):
    print("\x1e" + json.dumps(what), flush=True)


def lack_of_room():
    """What a process needs that no node of the cluster has. Ray waits for a node that has it, which may never come."""
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    needs = {names.get(name, name): amount for name, amount in RUN["options"].items() if name != "resources"}
    needs.update(RUN["options"].get("resources", {}))
    has_room = lambda node: all(node["Resources"].get(name, 0) >= amount for name, amount in needs.items())
    nodes = [node for node in ray.nodes() if node["Alive"]]
    if any(has_room(node) for node in nodes):
        return None
    said = lambda much: ", ".join(f"{int(amount) if amount == int(amount) else amount} {name}" for name, amount in much.items())
    most = {name: max((node["Resources"].get(name, 0) for node in nodes), default=0) for name in needs}
    return f"no node of the cluster has room for a process, which needs {said(needs)}; the most that one has is {said(most)}"


def main():
    ray.init(log_to_driver=False, logging_level="error")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    lack = lack_of_room()
    if lack and not RUN["waits_for_nodes"]:
        say(refused=lack)
        sys.exit(1)
    if lack:
        say(note=f"{lack}: Ray waits for one")
    shipped = {name: os.environ[name] for name in ["DATLAKE_PROGRAM_URL", "DATLAKE_PROGRAM_UNTIL"] if name in os.environ}
    RUN["environment"] = {**shipped, **RUN["environment"]}
    run, until = Run(), None
    while run.awaited or run.due:
        run.start_due()
        ready = []
        if run.awaited:
            ready, _ = ray.wait(list(run.awaited), timeout=0.1)
        else:
            time.sleep(0.1)
        if ready:
            ready, _ = ray.wait(list(run.awaited), num_returns=len(run.awaited), timeout=0)
        for answer in ready:
            run.take(answer, stopping.is_set())
        if stopping.is_set() and until is None:
            until = time.monotonic() + RUN["grace"] + 3
            run.stop()
        if until is not None and time.monotonic() > until:
            break
    ends = run.ends.values()
    sys.exit(next((code for code in ends if code), 0 if 0 in ends else 1))


if __name__ == "__main__":
    main()
