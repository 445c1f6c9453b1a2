#!/usr/bin/python3
"""kill -9 of a server that is written to: nothing acknowledged is lost, nothing half there.

  kill_test.py [ROUNDS] [WRITES]     default 6 rounds of 200 writes; the full run is 50 rounds of 200
"""
import json, random, sys, threading, time
from harness import *

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 6
WRITES = int(sys.argv[2]) if len(sys.argv) > 2 else 200
sys.argv = sys.argv[:1]
WRITERS = 4


def nothing_acknowledged_is_lost(folder):
    workspace = make_workspace(folder)
    random.seed(1)
    expected = {}  # id -> text, or None: removed
    unsure = {}    # id -> what it may be too: the change that was on its way when the server died
    acknowledged = 0
    for round in range(ROUNDS):
        server = Server(workspace)
        # What was promised before, all of it.
        found = {}
        cursor = ""
        while True:
            page = server.ask("GET", f"/v1/items?limit=1000{cursor}").json()
            found.update({item["id"]: item["text"] for item in page["items"]})
            if "cursor" not in page:
                break
            cursor = "&cursor=" + page["cursor"]
        for id, text in expected.items():
            there = found.get(id)
            if there != text:
                assert id in unsure and there in unsure[id], f"round {round}: {id} is {there!r}, not {text!r}"
                expected[id] = there
        unsure = {}
        sample = random.sample(sorted(expected), min(20, len(expected)))
        for id in sample:
            if expected[id] is None:
                continue
            word = expected[id].split()[0]
            assert id in server.search(word, limit=100, weights={"code": 0}), f"round {round}: {id} by its word"
            alike = server.ask("POST", "/v1/search", {"item_id": id, "limit": 1})
            assert alike.status == 200, f"round {round}: {id} has no code: {alike}"

        lock = threading.Lock()
        stopping = threading.Event()

        def write(writer):
            nonlocal acknowledged
            connection = server.connect(timeout=10)
            for i in range(WRITES // WRITERS):
                id = f"w{writer}-{random.randrange(60)}"
                text = None if random.random() < 0.2 else f"r{round}w{writer}i{i} some text"
                with lock:
                    unsure.setdefault(id, set()).update({text, expected.get(id)})
                try:
                    if text is None:
                        answer = server.ask("DELETE", f"/v1/items/{id}", connection=connection)
                        good = answer.status in (204, 404)
                    else:
                        answer = server.ask("PUT", f"/v1/items/{id}", {"text": text}, connection=connection)
                        good = answer.status in (200, 201)
                except Exception:
                    if stopping.is_set():
                        return
                    raise
                assert good, answer
                with lock:
                    expected[id] = text
                    unsure.pop(id, None)
                    acknowledged += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        time.sleep(random.random() * 0.8)
        stopping.set()
        server.kill()
        for thread in threads:
            thread.join()
    with Server(workspace) as server:
        assert server.ask("GET", "/readyz").status == 200
    assert json.loads(run(workspace, "doctor", "--output", "json").stdout)["healthy"]
    assert json.loads(run(workspace, "audit", "verify", "--output", "json").stdout)["intact"]
    print(f"      {ROUNDS} kills, {acknowledged} acknowledged changes, none lost")


main([nothing_acknowledged_is_lost])
