#!/usr/bin/python3
"""What people say of answers is kept until they say something else, survives the server, and can be measured with."""
import glob, json, os

from access_table import png
from harness import DATA, Server, main, make_key, make_workspace, multipart, picture, run


def said(server, key=None):
    return server.ask("GET", "/v1/feedback?limit=1000", key=key).json()


def judge(server, item, right, key=None, image=None, **query):
    body = {"id": item, "right": right, **query}
    if image:
        body = multipart(feedback=json.dumps(body), image=("asked.png", image))
    answer = server.ask("POST", "/v1/feedback", body, key=key)
    assert answer.status == 201, answer
    return answer.json()["query"]


def pictures_of(workspace):
    return sorted(os.path.basename(name) for name in glob.glob(workspace + "/feedback/pictures/*"))


def each_person_has_the_last_word_on_his_own_judgements(folder):
    workspace = make_workspace(folder)
    ada, hana, taro = (make_key(workspace, name, scopes) for name, scopes in
                       (("ada", ["admin"]), ("hana", ["search"]), ("taro", ["search"])))
    with Server(workspace) as server:
        for right in (True, False):
            judge(server, "red-star-1", right, hana, text="赤い星", rank=1, distance=2, confidence="unsure")
        judge(server, "red-star-1", True, taro, text="赤い星")
        kept = said(server, ada)
        assert [(one["who"], one["right"], one["text"]) for one in kept["judgements"]] == [
            ("taro", True, "赤い星"), ("hana", False, "赤い星")], kept
        assert kept["judgements"][1]["rank"] == 1 and kept["judgements"][1]["confidence"] == "unsure", kept
        assert (kept["right"], kept["wrong"], kept["queries"]) == (1, 1, 1), kept
        judge(server, "red-star-1", None, taro, text="赤い星")
        assert [one["who"] for one in said(server, ada)["judgements"]] == ["hana"]
        for key in (hana, taro):
            assert server.ask("GET", "/v1/feedback", key=key).status == 403
    lines = [json.loads(line) for name in sorted(glob.glob(workspace + "/audit/*.jsonl")) for line in open(name)]
    judged = [(line["who"], line["items"]) for line in lines if line["action"] == "POST /v1/feedback"]
    assert judged == [("hana", ["red-star-1"])] * 2 + [("taro", ["red-star-1"])] * 2, judged


def judgements_outlive_a_killed_server(folder):
    workspace = make_workspace(folder)
    server = Server(workspace)
    for number in range(20):
        judge(server, "red-star-1", number % 2 == 0, text=f"star {number}")
    judge(server, "red-star-1", True, image=png("asked"))
    server.kill()
    with Server(workspace) as server:
        kept = said(server)
        assert (kept["right"], kept["wrong"], kept["queries"]) == (11, 10, 21), kept
    assert len(pictures_of(workspace)) == 1


def a_judged_picture_is_kept_small_and_without_what_a_camera_wrote(folder):
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        first = judge(server, "red-star-1", True, image=png("a"))
        assert judge(server, "red-star-2", True, image=png("a")) == first, "the same picture is the same query"
        assert judge(server, "red-star-1", True, image=png("b")) != first
        with_words = judge(server, "red-star-1", True, image=png("a"), text="red")
        assert with_words != first
        kept = pictures_of(workspace)
        assert len(kept) == 2, kept
        with open(f"{workspace}/feedback/pictures/{kept[0]}", "rb") as file:
            assert file.read(16)[8:12] == b"WEBP"
        # It goes with the last judgement of a query that it belongs to.
        judge(server, "red-star-1", None, image=png("b"))
        judge(server, "red-star-1", None, image=png("a"), text="red")
        judge(server, "red-star-1", None, image=png("a"))
        assert len(pictures_of(workspace)) == 1
        judge(server, "red-star-2", None, image=png("a"))
        assert pictures_of(workspace) == []
        answer = server.ask("POST", "/v1/feedback", multipart(feedback='{"id": "red-star-1", "right": true}', image=b"GIF89a"))
        assert answer.status == 422 and said(server)["queries"] == 0, answer


def judged_queries_can_be_measured_with(folder):
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        words = judge(server, "red-star-1", True, text="red star")
        judge(server, "blue-ring-1", False, text="red star")
        pictured = judge(server, "green-star-1", True, image=picture())
        like = judge(server, "green-star-2", True, item_id="green-star-1")
        qrels = run(workspace, "feedback", "--output", "qrels", "--queries", folder + "/judged.jsonl").stdout.splitlines()
        assert sorted(qrels) == sorted([f"{words} 0 red-star-1 1", f"{words} 0 blue-ring-1 0", f"{pictured} 0 green-star-1 1",
                                        f"{like} 0 green-star-2 1"]), qrels
    found = run(workspace, "search", "--queries", folder + "/judged.jsonl", "-k", "60", "--output", "trec", "--server", "none").stdout
    ranked = {}
    for line in found.splitlines():
        query, _, item, rank, *_ = line.split()
        ranked.setdefault(query, {})[item] = int(rank)
    assert set(ranked) == {words, pictured, like}, ranked.keys()
    assert ranked[words]["red-star-1"] < ranked[words]["blue-ring-1"] and "green-star-1" in ranked[pictured]
    lines = [json.loads(line) for line in run(workspace, "feedback", "--output", "jsonl").stdout.splitlines()]
    assert [one["id"] for one in lines] == ["green-star-2", "green-star-1", "blue-ring-1", "red-star-1"], lines
    assert os.path.exists(lines[1]["image"]), lines[1]


def a_backup_has_them_too(folder):
    workspace = make_workspace(folder)
    with Server(workspace) as server:
        judge(server, "red-star-1", True, image=png("asked"), text="red")
        job = server.ask("POST", "/v1/jobs", {"kind": "backup", "arguments": {"target": folder + "/backup"}}).json()
        while job["state"] in ("waiting", "running"):
            job = server.ask("GET", "/v1/jobs/" + job["id"]).json()
        assert job["state"] == "done", job
    with Server(folder + "/backup") as server:
        assert said(server)["right"] == 1
    assert len(pictures_of(folder + "/backup")) == 1


def in_an_anonymised_workspace_what_was_asked_is_anonymised_too(folder):
    workspace = os.path.join(folder, "ws")
    run(workspace, "ingest", os.path.join(DATA, "pairs.jsonl"), "--splits", os.path.join(DATA, "splits"), "--anonymise")
    run(workspace, "train", "--method", "cca-itq", "--bits", "16", "--image-encoder", "classic", "--text-encoder", "bow")
    run(workspace, "index")
    with Server(workspace) as server:
        judge(server, "red-star-1", True, text="star of hana@example.com", image=png("asked"))
        kept = said(server)["judgements"][0]["text"]
        assert "star of" in kept and "hana" not in kept, kept
    for name in glob.glob(workspace + "/feedback/feedback.db*"):
        with open(name, "rb") as file:
            assert b"hana@example.com" not in file.read(), name


if __name__ == "__main__":
    main([each_person_has_the_last_word_on_his_own_judgements, judgements_outlive_a_killed_server,
          a_judged_picture_is_kept_small_and_without_what_a_camera_wrote, judged_queries_can_be_measured_with,
          a_backup_has_them_too, in_an_anonymised_workspace_what_was_asked_is_anonymised_too])
