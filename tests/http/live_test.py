#!/usr/bin/python3
"""Items change while they are searched: what is acknowledged is found at once, by words, by code and by picture."""
import json, os, shutil, threading, time
from harness import *


def what_is_put_is_found_when_it_is_answered(folder):
    with Server(make_workspace(folder)) as server:
        for i in range(20):
            answer = server.ask("PUT", f"/v1/items/new{i}", {"text": f"unheard{i} of"})
            assert answer.status == 201, answer
            assert server.search(f"unheard{i}")[0] == f"new{i}"
        again = server.ask("PUT", "/v1/items/new0", {"text": "unheard0 of"})
        assert (again.status, again.json()["outcome"]) == (200, "unchanged"), again


def a_replaced_item_is_found_by_what_it_is_now(folder):
    with Server(make_workspace(folder)) as server:
        server.ask("PUT", "/v1/items/x", {"text": "oldword"})
        server.ask("PUT", "/v1/items/x", {"text": "newword"})
        assert server.search("newword")[0] == "x"
        hits = server.ask("POST", "/v1/search", {"text": "oldword", "weights": {"code": 0}}).json()["hits"]
        assert hits == [], hits


def a_picture_is_found_by_itself_and_shown_small(folder):
    with Server(make_workspace(folder)) as server:
        put = server.ask("PUT", "/v1/items/pic", multipart(item="{}", image=("photo one.png", picture())))
        assert put.status == 201, put
        found = server.ask("POST", "/v1/search", multipart(image=picture(), query='{"find":"image","limit":5}'))
        assert "pic" in [hit["id"] for hit in found.json()["hits"]], found
        assert found.json()["hits"][0]["distance"] == 0
        thumb = server.ask("GET", "/v1/items/pic/thumbnail?w=64")
        assert thumb.status == 200 and thumb.body[:4] == b"RIFF", thumb
        known = server.ask("GET", "/v1/items/pic/thumbnail?w=64", headers={"If-None-Match": thumb.headers["ETag"]})
        assert known.status == 304 and not known.body


def a_removed_item_is_gone_with_its_picture(folder):
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        server.ask("PUT", "/v1/items/gone", multipart(item='{"text":"goneword"}', image=("a.png", picture())))
        kept = [file for _, _, files in os.walk(os.path.join(workspace, "pictures")) for file in files]
        assert len(kept) == 1, kept
        server.ask("GET", "/v1/items/gone/thumbnail")
        assert server.ask("DELETE", "/v1/items/gone").status == 204
        assert server.ask("DELETE", "/v1/items/gone").status == 404
        assert server.ask("GET", "/v1/items/gone").status == 404
        assert "gone" not in server.search("goneword", limit=1000)
        for folder_name in ("pictures", "thumbnails"):
            kept = [file for _, _, files in os.walk(os.path.join(workspace, folder_name)) for file in files]
            assert kept == [], kept
    with Server(workspace) as server:
        assert "gone" not in server.search("goneword", limit=1000), "and it stays away"


def searches_go_on_while_items_come(folder):
    with Server(make_workspace(folder)) as server:
        stop, slow, count = threading.Event(), [0.0], [0]

        def search():
            connection = server.connect()
            while not stop.is_set():
                started = time.time()
                answer = server.ask("POST", "/v1/search", {"text": "a red circle"}, connection=connection)
                assert answer.status == 200, answer
                slow[0] = max(slow[0], time.time() - started)
                count[0] += 1

        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        for i in range(10):
            batch = {"items": [{"id": f"b{i}-{j}", "text": f"batch {i} number {j}"} for j in range(50)]}
            answer = server.ask("POST", "/v1/items:batch", batch)
            assert answer.status == 207 and answer.json()["stored"] == 50, answer
        stop.set()
        for thread in threads:
            thread.join()
        assert server.ask("GET", "/v1/count").json()["items"] == 560
        print(f"      {count[0]} searches meanwhile, the slowest {1000 * slow[0]:.0f} ms")
        assert count[0] > 20


def a_batch_answers_for_each_item(folder):
    with Server(make_workspace(folder)) as server:
        batch = {"items": [{"id": "good", "text": "x"}, {"id": "bad", "labels": {}}, {"id": "", "text": "y"},
                           {"id": "wrong", "text": 3}, {"id": "pic", "image": {"part": "p1"}}]}
        answer = server.ask("POST", "/v1/items:batch", multipart(items=json.dumps(batch), p1=picture()))
        results = answer.json()["results"]
        assert [one["status"] for one in results] == [201, 400, 400, 400, 201], results
        assert server.ask("GET", "/v1/items/pic").json()["thumb"] == "/v1/items/pic/thumbnail"


def what_an_ingest_beside_it_brings_is_found(folder):
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        source = os.path.join(folder, "more.jsonl")
        with open(source, "w") as out:
            for i in range(100):
                out.write(json.dumps({"id": f"more{i}", "text": f"besideword{i} comes"}) + "\n")
        run(workspace, "ingest", source)
        until(lambda: server.search("besideword99")[0] == "more99", 10, "finding what was ingested")
        until(lambda: server.ask("GET", "/v1/status").json()["pending"] == 0, 10, "taking all of it over")
        assert server.ask("GET", "/v1/status").json()["codes"]["text"] == 160


def the_next_server_finds_what_this_one_took(folder):
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        server.ask("PUT", "/v1/items/stays", {"text": "staysword", "labels": {"kind": ["durable"]}})
    with Server(workspace) as server:
        assert server.search("staysword")[0] == "stays"
        assert server.ask("GET", "/v1/labels/kind").json()["values"] == [{"value": "durable", "items": 1}]
    assert json.loads(run(workspace, "search", "--text", "staysword", "-k", "1", "--output", "jsonl").stdout)["id"] == "stays"


def a_backup_is_taken_while_it_serves(folder):
    workspace = make_workspace(folder)
    target = os.path.join(folder, "copy")
    with Server(workspace) as server:
        server.ask("PUT", "/v1/items/saved", multipart(item='{"text":"savedword"}', image=("a.png", picture())))
        job = server.ask("POST", "/v1/jobs", {"kind": "backup", "arguments": {"target": target}})
        assert job.status == 202 and job.headers["Location"] == "/v1/jobs/" + job.json()["id"], job
        done = until(lambda: (lambda j: j["state"] in ("done", "failed") and j)(
            server.ask("GET", job.headers["Location"]).json()), 60, "the backup")
        assert done["state"] == "done", done
        server.ask("PUT", "/v1/items/later", {"text": "laterword"})
        again = server.ask("POST", "/v1/jobs", {"kind": "backup", "arguments": {"target": target}}).json()
        failed = until(lambda: (lambda j: j["state"] == "failed" and j)(server.ask("GET", "/v1/jobs/" + again["id"]).json()))
        assert failed["problem"]["code"] == "invalid_argument", failed
    assert json.loads(run(target, "doctor", "--output", "json").stdout)["healthy"]
    with Server(target) as server:
        assert server.search("savedword")[0] == "saved"
        assert "later" not in server.search("laterword", limit=1000)
        assert server.ask("GET", "/v1/items/saved/thumbnail").status == 200, "its picture came with it"


def a_job_goes_on_after_a_restart(folder):
    workspace = make_workspace(folder)
    source = os.path.join(folder, "jobs.jsonl")
    with open(source, "w") as out:
        for i in range(2000):
            out.write(json.dumps({"id": f"job{i}", "text": f"jobword{i}"}) + "\n")
    server = Server(workspace)
    ids = [server.ask("POST", "/v1/jobs", {"kind": "ingest", "arguments": {"path": source}}).json()["id"],
           server.ask("POST", "/v1/jobs", {"kind": "evaluate", "arguments": {"relevance": "any:shape"}}).json()["id"]]
    server.kill()
    with Server(workspace) as server:
        for id in ids:
            done = until(lambda: (lambda j: j["state"] in ("done", "failed") and j)(
                server.ask("GET", "/v1/jobs/" + id).json()), 60, "the job")
            assert done["state"] == "done", done
        until(lambda: server.search("jobword1999")[0] == "job1999", 20, "finding what the job brought")


def the_command_line_asks_the_running_server(folder):
    workspace = make_workspace(folder)
    query = ["search", "--text", "a red circle", "-k", "5", "--output", "jsonl"]
    alone = run(workspace, *query).stdout
    with Server(workspace) as server:
        asked = run(workspace, *query).stdout
        before = server.ask("GET", "/metrics").body.decode()
        assert 'search_requests_total{kind="text",status="ok"} 1' in before, before[:2000]
        assert [json.loads(l) for l in asked.splitlines()] == [json.loads(l) for l in alone.splitlines()]
        run(workspace, *query, "--server", "none")
        run(workspace, *query, "--bits", "8")
        assert 'status="ok"} 1' in server.ask("GET", "/metrics").body.decode(), "those two were not asked"
        unknown = run(workspace, "search", "--like", "nobody", check=False)
        assert unknown.returncode == 66, unknown
    assert not os.path.exists(os.path.join(workspace, "server.url"))
    with open(os.path.join(workspace, "server.url"), "w") as out:
        out.write("http://127.0.0.1:1\n")
    assert run(workspace, *query).stdout == alone, "a server that died leaves its address; then it works alone"


def two_servers_do_not_share_a_space(folder):
    workspace = make_workspace(folder)
    with Server(workspace):
        second = run(workspace, "serve", "--port", "0", check=False)
        assert second.returncode == 75, second
        assert run(workspace, "index", check=False).returncode == 75


def writers_wait_for_an_ingest_and_are_told_when_it_takes_long(folder):
    import fcntl
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        with open(os.path.join(workspace, "catalog.db.lock"), "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            answer = server.ask("PUT", "/v1/items/late", {"text": "late"})
            assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer
            assert server.search("a red circle"), "searches go on"
        assert server.ask("PUT", "/v1/items/late", {"text": "late"}).status == 201


main([value for value in list(globals().values())
      if callable(value) and getattr(value, "__module__", "") == "__main__" and hasattr(value, "__code__")])
