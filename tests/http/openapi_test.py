#!/usr/bin/python3
"""Does the server do what /openapi.json says? The document is checked for being sound; then every operation is asked
for every answer that it declares, and each answer is held against the declaration: status, headers, type, body.

openapi_test.py [--document FILE]: against this document instead of the server's own, for those who write it.
Standard library and python3-jsonschema; environment as in harness.py.
"""
import gzip, json, os, re, shutil, socket, sys, threading, time, urllib.parse

import jsonschema

import harness

IN_FLIGHT = 140  # requests of one key at a time, on the server below: above what the tests hold open
MIB = 1 << 20

# Declared, and not to be had by asking; '*' is every operation.
NOT_PROVOKED = {
    ("*", 500): "a fault of the server itself, or a disk that fails",
    ("putItem", 507): "a full disk",
    ("deleteItem", 507): "a full disk",
    ("putItems", 507): "a full disk",
    ("startJob", 507): "a full disk",
    ("judge", 507): "a full disk",
}

DOCUMENT = None  # the text of --document
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


# ---- the document ----


class Operation:
    def __init__(self, path, method, spec):
        self.path, self.method, self.spec = path, method.upper(), spec
        self.name = spec["operationId"]

    def __repr__(self):
        return f"{self.name} ({self.method} {self.path})"


class Document:
    def __init__(self, text):
        self.json = json.loads(text)
        self.operations = {}
        for path, methods in self.json["paths"].items():
            for method, spec in methods.items():
                if method in METHODS:
                    assert spec["operationId"] not in self.operations, f"{spec['operationId']} is there twice"
                    self.operations[spec["operationId"]] = Operation(path, method, spec)

    def resolve(self, node):
        while "$ref" in node:
            target = self.json
            assert node["$ref"].startswith("#/"), node
            for step in node["$ref"][2:].split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def validate(self, value, schema, what):
        # With the components beside it, the schema's own references lead somewhere.
        validator = jsonschema.Draft202012Validator({**schema, "components": self.json["components"]})
        wrong = sorted(validator.iter_errors(value), key=str)
        assert not wrong, f"{what}: {wrong[0].message} at {list(wrong[0].path)} in {json.dumps(value)[:600]}"


def nodes_of(node, place="#"):
    yield place, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from nodes_of(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from nodes_of(value, f"{place}/{number}")


def check_document(document):
    root = document.json
    assert re.fullmatch(r"3\.1\.\d+", root["openapi"]), root["openapi"]
    assert root["info"]["title"] and root["info"]["version"]
    tags = {tag["name"] for tag in root["tags"]}
    for place, node in nodes_of(root):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            assert document.resolve(node) is not None, place
        if place.rsplit("/", 1)[-1] == "schema" or re.fullmatch(r"#/components/schemas/[^/]+", place):
            jsonschema.Draft202012Validator.check_schema(node)
            # Both an object that forgets to say what else it takes and a misspelt requirement would pass everything.
            for inner_place, inner in nodes_of(node, place):
                if isinstance(inner, dict) and isinstance(inner.get("required"), list) and "properties" in inner:
                    assert set(inner["required"]) <= set(inner["properties"]), inner_place
    for name, schema in root["components"]["schemas"].items():
        used = any(isinstance(node, dict) and node.get("$ref") == f"#/components/schemas/{name}"
                   for _, node in nodes_of(root))
        assert used, f"nothing uses the schema {name}"
    for operation in document.operations.values():
        spec = operation.spec
        assert spec["summary"] and set(spec["tags"]) <= tags, operation
        assert spec["x-scope"] in ("none", "any", "search", "read", "write", "admin"), operation
        # Which of them need a key is said twice, and must be the same.
        assert (spec.get("security", root["security"]) == []) == (spec["x-scope"] == "none"), operation
        declared = [(each["name"], each["in"]) for each in map(document.resolve, spec.get("parameters", []))]
        assert len(set(declared)) == len(declared), operation
        in_path = {name for name, where in declared if where == "path"}
        assert in_path == set(re.findall(r"{([^}]*)}", operation.path)), operation
        for parameter in map(document.resolve, spec.get("parameters", [])):
            assert parameter["schema"] and (parameter["in"] != "path" or parameter["required"]), operation
        assert ("requestBody" in spec) == (operation.method in ("POST", "PUT")), operation
        assert any(status.startswith("2") for status in spec["responses"]), operation
        for status, response in spec["responses"].items():
            response = document.resolve(response)
            assert re.fullmatch(r"[1-5]\d\d", status) and response["description"], operation
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (operation, status)
            wanted = {"401": "WWW-Authenticate", "405": "Allow", "429": "Retry-After", "503": "Retry-After",
                      "202": "Location"}.get(status, "X-Request-Id")
            assert wanted in response.get("headers", {}), f"{operation} {status}: {wanted} is not declared"


# ---- one answer against it ----


class Asker:
    """Asks operations of one server, holds the answers against the document, and remembers what was seen."""

    def __init__(self, document, server, seen, keys=None):
        self.document, self.server, self.seen, self.keys = document, server, seen, keys or {}
        self.asked = 0

    def path_of(self, operation, path, query=None):
        target = re.sub(r"{([^}]*)}", lambda match: harness.quoted(str(path.get(match[1], "nobody"))), operation.path)
        return target + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")

    def ask(self, name, want, /, *, body=None, query=None, headers=None, key="admin", **path):
        """want: the status. body: what Server.ask takes. The rest are path parameters."""
        operation = self.document.operations[name]
        self.asked += 1
        sent_id = f"row-{self.asked}"
        if isinstance(body, dict) and 200 <= want < 300:  # what is let in is what the document lets in
            schema = operation.spec["requestBody"]["content"]["application/json"]["schema"]
            self.document.validate(body, schema, f"the body sent to {operation}")
        answer = self.server.ask(operation.method, self.path_of(operation, path, query), body,
                                 key=self.keys.get(key, key or ""), headers={"X-Request-Id": sent_id, **(headers or {})})
        self.check(operation, want, answer, sent_id)
        if operation.method == "GET" and want in (200, 304):
            head = self.server.ask("HEAD", self.path_of(operation, path, query), key=self.keys.get(key, key or ""),
                                   headers=headers)
            assert (head.status, head.body) == (want, b""), f"HEAD of {operation}: {head}"
        return answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else answer

    def check(self, operation, want, answer, sent_id=None):
        what = f"{operation}: {answer}"
        assert answer.status == want, f"{what}\nwanted {want}"
        assert str(want) in operation.spec["responses"], f"{what}\n{want} is not declared"
        response = self.document.resolve(operation.spec["responses"][str(want)])
        for header, declared in response.get("headers", {}).items():
            value = answer.headers.get(header)
            assert value is not None, f"{what}\nno {header}"
            schema = self.document.resolve(declared)["schema"]
            self.document.validate(int(value) if schema.get("type") == "integer" else value, schema, f"{what} {header}")
        request_id = answer.headers["X-Request-Id"]
        assert request_id and (sent_id is None or request_id == sent_id), f"{what}\nX-Request-Id: {request_id}"
        content = response.get("content")
        if not content:
            assert not answer.body and "Content-Type" not in answer.headers, what
        else:
            media_type = answer.headers.get("Content-Type", "").split(";")[0]
            assert media_type in content, f"{what}\nis {media_type}, not {list(content)}"
            schema = content[media_type]["schema"]
            if media_type.endswith("json"):
                self.document.validate(answer.json(), schema, what)
            elif media_type.startswith("text/"):
                self.document.validate(answer.body.decode(), schema, what)
            else:
                assert answer.body, what
        if want >= 400:
            problem = answer.json()
            assert problem["status"] == want and problem["type"] == "urn:warifu:problem:" + problem["code"], what
            assert re.fullmatch(r"[a-z_]+", problem["code"]) and problem["title"] and problem["detail"], what
            assert problem["instance"] == request_id, what
        if want == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), what
        if want in (429, 503):
            assert int(answer.headers["Retry-After"]) >= 1, what
        if want == 405:
            there = {each.method for each in self.document.operations.values() if each.path == operation.path}
            there |= {"HEAD"} if "GET" in there else set()
            assert set(answer.headers["Allow"].split(", ")) == there, f"{what}\nAllow: {answer.headers['Allow']}"
        self.seen.add((operation.name, want))

    def head(self, operation, headers, method=None, target=None, key="admin"):
        """The head of a request, as bytes."""
        lines = [f"{method or operation.method} {target or self.path_of(operation, {})} HTTP/1.1",
                 "Host: " + self.server.host]
        if key:
            lines.append("Authorization: Bearer " + self.keys[key])
        return "\r\n".join(lines + headers + ["", ""]).encode()

    def by_hand(self, operation, want, headers, **more):
        with self.server.socket(self.head(operation, headers, **more)) as connection:
            self.check(operation, want, harness.read_answer(connection))


# ---- the table ----


def rows_of_search(t):
    green = t.ask("search", 200, body={"text": "green star", "limit": 3})
    assert green["hits"][0]["id"].startswith("green-star"), green
    t.ask("search", 200, body={"text": "green star", "limit": 3, "cursor": green["cursor"]})
    t.ask("search", 200, body={"item_id": "red-star-1", "find": "both", "filter": {"not": {"column": "colour", "in": ["red"]}}})
    t.ask("search", 200, body={"text": "star", "weights": {"code": 1, "words": 0.5}, "min_probability": 0,
                               "filter": {"all": [{"column": "shape", "in": ["star", "ring"]},
                                                  {"any": [{"column": "colour", "in": ["red"]}]}]}})
    t.ask("search", 200, body=harness.multipart(query='{"text": "star"}', image=harness.picture()))
    t.ask("search", 200, body=harness.multipart(image=("a.png", harness.picture())))
    for wrong in ({}, {"text": ""}, {"text": 7}, {"limit": 0, "text": "a"}, {"limit": 1.5, "text": "a"}, {"txet": "a"},
                  {"text": "a", "find": "all"}, {"text": "a", "cursor": "?"}, {"text": "a", "filter": {"column": "b"}},
                  {"text": "a", "weights": {"code": -1}}, {"text": "a", "item_id": "red-star-1"},
                  {"text": "a", "rerank": True}, {"text": "a", "min_probability": 2}, {"image": "%"}):
        t.ask("search", 400, body=wrong)
    t.ask("search", 400, body=b"{", headers={"Content-Type": "application/json"})
    t.ask("search", 400, body=b"x", headers={"Content-Type": "multipart/form-data; boundary=b"})
    t.ask("search", 404, body={"item_id": "nobody"})
    t.ask("search", 422, body=harness.multipart(image=b"not a picture"))
    t.ask("searchByWords", 200, query={"text": "green star", "limit": 2, "find": "image", "filter": ["colour=green"]})
    t.ask("searchByWords", 400, query={"text": ""})
    t.ask("searchByWords", 400, query={"text": "a", "filter": "no equals sign"})
    t.ask("searchByWords", 400, query={"text": "a", "limit": "many"})
    t.ask("searchByWords", 400, query={"text": "a", "item_id": "red-star-1"})
    assert t.ask("suggest", 200, query={"prefix": "st"})["suggestions"][0]["value"] == "star"
    t.ask("suggest", 400, query={"prefix": ""})
    t.ask("suggest", 400, query={"prefix": "a", "limit": 101})
    assert t.ask("labelColumns", 200)["columns"] == ["colour", "shape"]
    assert len(t.ask("labelValues", 200, column="shape")["values"]) == 5
    t.ask("labelValues", 200, column="nobody has it")
    said = t.ask("judge", 201, body={"text": "green star", "id": "green-star-1", "right": True, "rank": 1, "distance": 3,
                                     "confidence": "likely"})
    t.ask("judge", 201, body={"item_id": "green-star-1", "id": "red-star-1", "right": False})
    t.ask("judge", 201, body=harness.multipart(feedback='{"id": "green-star-1", "right": true}', image=harness.picture()))
    for wrong in ({}, {"text": "a"}, {"text": "a", "id": "green-star-1"}, {"id": "green-star-1", "right": True},
                  {"text": "a", "id": "", "right": True}, {"text": "a", "id": "green-star-1", "right": "yes"},
                  {"text": "", "id": "green-star-1", "right": True}, {"text": "a", "id": "green-star-1", "right": True, "rank": 0},
                  {"text": "a", "item_id": "red-star-1", "id": "green-star-1", "right": True},
                  {"text": "a", "id": "green-star-1", "right": True, "confidence": "very"}):
        t.ask("judge", 400, body=wrong)
    t.ask("judge", 404, body={"text": "a", "id": "nobody", "right": True})
    t.ask("judge", 404, body={"item_id": "nobody", "id": "green-star-1", "right": True})
    t.ask("judge", 422, body=harness.multipart(feedback='{"id": "green-star-1", "right": true}', image=b"not a picture"))
    kept = t.ask("feedback", 200, query={"limit": 2})
    assert len(kept["judgements"]) == 2 and (kept["right"], kept["wrong"], kept["queries"]) == (2, 1, 3), kept
    assert kept["judgements"][0]["image"] and kept["judgements"][1]["item_id"] == "green-star-1", kept
    t.ask("feedback", 400, query={"limit": 0})
    assert t.ask("judge", 201, body={"text": "green  star", "id": "green-star-1", "right": None})["query"] == said["query"]
    assert t.ask("feedback", 200)["right"] == 1
    t.ask("encode", 200, body={"text": "green star"})
    t.ask("encode", 200, body=harness.multipart(query='{"text": "star"}', image=harness.picture("green-star-2.jpg")))
    t.ask("encode", 400, body={})
    t.ask("encode", 422, body=harness.multipart(image=b"not a picture"))
    t.ask("explain", 200, body={"text": "green star", "id": "green-star-2", "language": "ja"})
    t.ask("explain", 200, body={"item_id": "green-star-1", "id": "green-star-2", "modality": "image"})
    t.ask("explain", 200, body=harness.multipart(query='{"text": "star", "id": "green-star-1"}',
                                                 image=harness.picture("green-star-2.jpg")))
    t.ask("explain", 400, body={"id": "green-star-2"})
    t.ask("explain", 400, body={"text": "star"})
    t.ask("explain", 404, body={"text": "star", "id": "nobody"})
    t.ask("explain", 422, body=harness.multipart(query='{"id": "green-star-2"}', image=b"not a picture"))


def rows_of_items(t):
    page = t.ask("listItems", 200, query={"limit": 2})
    t.ask("listItems", 200, query={"limit": 1000, "cursor": page["cursor"], "filter": "colour=red"})
    t.ask("listItems", 400, query={"limit": 1001})
    t.ask("listItems", 404, query={"cursor": "bm9ib2R5"})  # "nobody": the item that the page ended with is gone
    t.ask("getItem", 200, id="green-star-1")
    t.ask("getItem", 404)
    new = {"text": "a violet hexagon", "labels": {"shape": ["hexagon"]}, "attributes": {"from": ["here"]}, "groups": []}
    t.ask("putItem", 201, id="a/b ü", body=harness.multipart(item=json.dumps(new), image=("six.png", harness.picture())))
    t.ask("putItem", 200, id="a/b ü", body=harness.multipart(item=json.dumps(new), image=("six.png", harness.picture())))
    t.ask("putItem", 201, id="words", body=new)
    t.ask("putItem", 200, id="words", body={"text": "other words"})
    item = t.ask("getItem", 200, id="a/b ü")
    for wrong in ({}, {"text": 1}, {"text": "a", "labels": ["b"]}, {"text": "a", "groups": ["no such name!"]},
                  {"text": "a", "id": "other"}, {"image": "%"}, {"image": {"part": "none"}}):
        t.ask("putItem", 400, id="new", body=wrong)
    t.ask("putItem", 422, id="new", body=harness.multipart(image=b"not a picture"))
    batch = t.ask("putItems", 207, body={"items": [{"id": "one", "text": "one"}, {"id": "two"}, {"id": ""}]})
    assert [each["status"] for each in batch["results"]] == [201, 400, 400] and batch["failed"] == 2, batch
    batch = t.ask("putItems", 207, body=harness.multipart(
        items='{"items": [{"id": "one", "image": {"part": "a"}}, {"id": "two", "image": {"part": "b"}}]}',
        a=harness.picture(), b=b"not a picture"))
    assert [each["status"] for each in batch["results"]] == [200, 422], batch
    t.ask("putItems", 400, body={"items": {}})
    t.ask("putItems", 400, body={"items": [{"id": str(i), "text": "a"} for i in range(1001)]})
    small = t.ask("thumbnail", 200, id="green-star-1", query={"w": 64})
    assert small.body[:4] + small.body[8:12] == b"RIFFWEBP"
    t.ask("thumbnail", 304, id="green-star-1", query={"w": 64}, headers={"If-None-Match": small.headers["ETag"]})
    t.ask("thumbnail", 200, id="green-star-1", query={"w": 64}, headers={"If-None-Match": '"other"'})
    t.ask("thumbnail", 400, id="green-star-1", query={"w": 1})
    t.ask("thumbnail", 404)
    t.ask("thumbnail", 404, id="words")
    with open(item["uri"], "wb") as file:  # as a disk might
        file.write(b"no picture any more")
    t.ask("thumbnail", 422, id="a/b ü", query={"w": 512})
    t.ask("deleteItem", 204, id="a/b ü")
    t.ask("deleteItem", 404, id="a/b ü")
    assert t.ask("count", 200, query={"filter": ["shape=star", "colour=green"]})["items"] == 2
    t.ask("count", 400, query={"filter": "no equals sign"})


def rows_of_server(t):
    for name in ("spaces", "status", "latency", "health", "readiness", "metrics", "openapi", "docs"):
        t.ask(name, 200)
    t.ask("status", 200, key="search+read")  # who sees less of it
    collection = t.ask("collection", 200)
    assert {"name": "colour", "kind": "label", "values": 6} in collection["columns"], collection
    assert collection["splits"]["query"] > 0 and not collection["anonymised"], collection
    t.ask("rejections", 200, query={"limit": 1000})
    t.ask("rejections", 400, query={"limit": 0})
    t.ask("audit", 200, query={"last": 5})
    t.ask("audit", 400, query={"last": 0})


def rows_of_page(t):
    page = t.ask("page", 200, key="")
    for name, path in (("page", {}), ("adminPage", {}), ("adminSection", {"section": "users"})):
        assert t.ask(name, 200, key="", **path).body == page.body, name
        t.ask(name, 304, key="", headers={"If-None-Match": page.headers["ETag"]}, **path)
    # The page loads from here alone, and nothing in it runs or styles but files from here.
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy, policy
    text = page.body.decode()
    named = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert named and all(re.match(r"/(assets/|docs$)", each) for each in named), named
    assert not re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=", text), text
    files = [each.rsplit("/", 1)[1] for each in named if each.startswith("/assets/")]
    assert {each.rsplit(".", 1)[1] for each in files} >= {"js", "css"}, files
    for file in files:
        whole = t.ask("pageFile", 200, key="", file=file)
        packed = t.server.ask("GET", "/assets/" + file, key="", headers={"Accept-Encoding": "gzip, br"})
        assert "immutable" in whole.headers["Cache-Control"], whole.headers
        if packed.headers.get("Content-Encoding"):
            assert gzip.decompress(packed.body) == whole.body and packed.headers["ETag"] != whole.headers["ETag"], file
        t.ask("pageFile", 304, key="", file=file, headers={"If-None-Match": whole.headers["ETag"]})
    for file in ("none.js", "..", "../index.html", "/etc/passwd"):
        answer = t.server.ask("GET", "/assets/" + harness.quoted(file))
        assert answer.status in (400, 404), answer
    t.ask("pageFile", 404, key="", file="none.js")


def rows_of_jobs(t, folder):
    kinds = [("evaluate", {"relevance": "any:colour"}), ("calibrate", {"relevance": "any:colour"}),
             ("backup", {"target": os.path.join(folder, "backup")}),
             ("ingest", {"path": os.path.join(harness.DATA, "pairs.jsonl")}),
             ("ingest", {"path": os.path.join(folder, "not-there.jsonl")})]
    started = []
    for kind, arguments in kinds + [("evaluate", {})] * 8:
        job = t.ask("startJob", 202, body={"kind": kind, "arguments": arguments})
        started.append(job["id"])
    t.ask("cancelJob", 204, id=started[-1])  # it waits for the others
    assert t.ask("getJob", 200, id=started[-1])["state"] == "cancelled"
    t.ask("cancelJob", 400, id=started[-1])
    t.ask("listJobs", 200)

    def ended():
        jobs = [t.ask("getJob", 200, id=job) for job in started[:-1]]
        return all(job["state"] in ("done", "failed") for job in jobs) and jobs

    states = [(job["kind"], job["state"]) for job in harness.until(ended, 120, "the end of the jobs")]
    assert states == [("evaluate", "done"), ("calibrate", "done"), ("backup", "done"), ("ingest", "done"), ("ingest", "failed")] + [
        ("evaluate", "done")] * 7, states
    t.ask("listJobs", 200)
    kept = t.ask("evaluations", 200)["evaluations"]  # the last of each kind
    assert [each["relevance"] for each in kept].count("any") == 1, kept
    by_colour = next(each for each in kept if each["relevance"] == "any:colour")
    for result in by_colour["results"]:
        curve = result["curve"]
        assert [each["radius"] for each in curve] == list(range(result["bits"] + 1)), curve
        assert curve[-1]["recall"] == 1 and all(a["recall"] <= b["recall"] for a, b in zip(curve, curve[1:])), curve
    for wrong in ({}, {"kind": "dance"}, {"kind": "backup", "arguments": []}, {"kind": "backup", "target": "a"}):
        t.ask("startJob", 400, body=wrong)
    t.ask("getJob", 404)
    t.ask("cancelJob", 404)


def rows_of_rights(t):
    t.ask("whoAmI", 200, key="search")
    session = t.server.ask("POST", "/v1/session", {"key": t.keys["read"]})
    cookie = session.headers["Set-Cookie"].split(";")[0]
    t.ask("signIn", 200, body={"key": t.keys["read"]}, key="")
    t.ask("signIn", 400, body={"kee": "a"}, key="")
    t.ask("signIn", 401, body={"key": "wrf_abcdefgh_no"}, key="")
    t.ask("whoAmI", 200, key="", headers={"Cookie": cookie})
    t.ask("putItem", 403, key="", headers={"Cookie": cookie}, body={"text": "from elsewhere"})
    for name, body in (("signIn", {"key": t.keys["read"]}), ("signOut", None)):
        t.ask(name, 403, key="", body=body, headers={"Origin": "https://elsewhere.example"})
    t.ask("signOut", 204, key="", headers={"Cookie": cookie})
    t.ask("whoAmI", 401, key="", headers={"Cookie": cookie})
    # Whoever has no key may not hold the memory that bodies share.
    for length in ("Content-Length: 65537", "Transfer-Encoding: chunked"):
        t.by_hand(t.document.operations["signIn"], 413, [length], key="")
    t.ask("listUsers", 200)
    t.ask("addUser", 201, body={"name": "hanako", "groups": ["editors"]})
    t.ask("addUser", 409, body={"name": "hanako"})
    for wrong in ({}, {"name": "no such name!"}, {"name": "anonymous"}, {"name": "taro", "groups": "editors"}):
        t.ask("addUser", 400, body=wrong)
    t.ask("setGroups", 200, name="hanako", body={"groups": []})
    t.ask("setGroups", 400, name="hanako", body={"groups": [1]})
    t.ask("setGroups", 404, body={"groups": []})
    made = t.ask("makeKey", 201, body={"user": "hanako", "scopes": ["search"], "expires_days": 1, "note": "a test"})
    for wrong in ({}, {"user": "hanako"}, {"user": "hanako", "scopes": ["all"]},
                  {"user": "hanako", "scopes": ["read"], "expires_days": 0}):
        t.ask("makeKey", 400, body=wrong)
    t.ask("makeKey", 404, body={"user": "nobody", "scopes": ["search"]})
    t.ask("whoAmI", 200, key=made["key"])
    t.ask("listKeys", 200)
    t.ask("revokeKey", 204, id=made["id"])
    t.ask("revokeKey", 404)
    t.ask("whoAmI", 401, key=made["key"])
    t.ask("removeUser", 204, name="hanako")
    t.ask("removeUser", 404, name="hanako")


def rows_of_all(t):
    """What every operation may answer, whatever it does."""
    lesser = {"search": "read", "read": "search", "write": "search+read", "admin": "search+read+write"}
    for operation in t.document.operations.values():
        scope = operation.spec["x-scope"]
        t.by_hand(operation, 400, [], target=t.path_of(operation, {}) + "?a=%zz")
        t.by_hand(operation, 405, [], method="PATCH")
        t.by_hand(operation, 413, [f"Content-Length: {1 << 40}"])
        t.by_hand(operation, 413, [f"Content-Length: {3 * MIB}"])
        if scope != "none":
            t.ask(operation.name, 401, key="")
            t.ask(operation.name, 401, key="wrf_abcdefgh_" + "a" * 43)
        if scope in lesser:
            t.ask(operation.name, 403, key=lesser[scope])
        if "requestBody" in operation.spec:
            t.ask(operation.name, 415, body=b"a", headers={"Content-Type": "text/plain"})
            t.ask(operation.name, 400, body={"nonsense": 1})
            t.ask(operation.name, 400, body=b'{"text": "\xff"}', headers={"Content-Type": "application/json"})


def too_slow(t):
    """A body that does not come, for every operation at once; the function returned collects the answers."""
    waiting = []
    for operation in t.document.operations.values():
        connection = t.server.socket(t.head(operation, ["Content-Length: 9"], key="slow"), timeout=90)
        waiting.append((operation, connection))
    head = t.server.socket(b"GET /v1/status HTTP/1.1\r\nHost: 127", timeout=90)

    def collect():
        for operation, connection in waiting + [(t.document.operations["status"], head)]:
            with connection:
                t.check(operation, 408, harness.read_answer(connection))

    return collect


def too_many_of_one_key(t):
    held = [t.server.socket(t.head(t.document.operations["search"], ["Content-Length: 9"], key="busy"))
            for _ in range(IN_FLIGHT)]
    harness.until(lambda: t.server.ask("GET", "/v1/count", key=t.keys["busy"]).status == 429, what="429")
    for operation in t.document.operations.values():
        if operation.spec["x-scope"] != "none" and operation.name != "metrics":
            t.ask(operation.name, 429, key="busy")
    for connection in held:
        connection.close()
    t.ask("metrics", 200)  # is asked for when there is trouble


def too_busy_for_bodies(t):
    """Bodies of 256 MiB are announced and do not come: there is no place for more, but still for questions without."""
    held = [t.server.socket(t.head(t.document.operations["search"], [f"Content-Length: {2 * MIB}"], key="heavy"))
            for _ in range(256 // 2)]
    harness.until(lambda: t.server.ask("POST", "/v1/search", {"text": "a"}, key=t.keys["search"]).status == 503,
                  what="503")
    for operation in t.document.operations.values():
        t.by_hand(operation, 503, ["Content-Length: 9"])
    t.ask("searchByWords", 200, query={"text": "star"})
    t.ask("readiness", 200)
    for connection in held:
        connection.close()
    harness.until(lambda: t.server.ask("POST", "/v1/search", {"text": "a"}, key=t.keys["search"]).status == 200,
                  what="200 again")


# ---- the tests ----


class Place:
    """What the tests share."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = harness.make_workspace(folder)
        self.seen = set()
        self.document = None

    def copy(self, name):
        shutil.copytree(self.workspace, os.path.join(self.folder, name), symlinks=True)
        return os.path.join(self.folder, name)

    def read(self, server):
        if self.document is None:
            self.document = Document(DOCUMENT or server.ask("GET", "/openapi.json").body)
        return self.document


def every_operation(place):
    """The document is sound; every operation answers as it says, on a server with users."""
    workspace = place.copy("rights")
    admin = harness.make_key(workspace, "root", ["search", "read", "write", "admin"])
    with harness.Server(workspace, "--max-upload-mib", "1", "--in-flight", str(IN_FLIGHT), key=admin) as server:
        document = place.read(server)
        check_document(document)
        keys = {"admin": admin, "": ""}
        for scopes in ("search", "read", "search+read", "search+read+write"):
            keys[scopes] = server.ask("POST", "/v1/keys", {"user": "root", "scopes": scopes.split("+")}).json()["key"]
        for name in ("busy", "slow", "heavy"):
            keys[name] = server.ask("POST", "/v1/keys", {"user": "root", "scopes": ["admin"]}).json()["key"]
        t = Asker(document, server, place.seen, keys)
        collect = too_slow(t)
        rows_of_search(t)
        rows_of_items(t)
        rows_of_server(t)
        rows_of_page(t)
        rows_of_jobs(t, place.folder)
        rows_of_rights(t)
        rows_of_all(t)
        collect()
        too_many_of_one_key(t)
        too_busy_for_bodies(t)


def without_users(place):
    """Without users nothing needs a key, and pages of others are kept out."""
    with harness.Server(place.copy("open"), "--workers", "1", "--max-waiting", "1", "--requests-per-second", "0.01") as server:
        document = place.read(server)
        t = Asker(document, server, place.seen)
        for name in ("health", "readiness", "metrics", "openapi", "docs"):
            t.ask(name, 200, key="")
        t.ask("putItem", 403, key="", id="new", body={"text": "from elsewhere"}, headers={"Sec-Fetch-Site": "cross-site"})
        answer = server.ask("GET", "/v1/status", headers={"Host": "elsewhere.example"})
        assert answer.status == 421, answer
        document.validate(answer.json(), document.json["components"]["schemas"]["Problem"], "421")
        # One worker, one place to wait, and many at once: some are let in, the others are told to come again.
        answers = []
        picture = harness.multipart(image=harness.picture())
        askers = [threading.Thread(target=lambda: answers.append(server.ask("POST", "/v1/encode", picture)))
                  for _ in range(16)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        for answer in answers:
            t.check(document.operations["encode"], answer.status, answer)
        assert {answer.status for answer in answers} == {200, 503}, [answer.status for answer in answers]
        # Twenty were saved up; then it is one in a hundred seconds.
        for _ in range(5):
            answer = server.ask("GET", "/v1/count")
            t.check(document.operations["count"], answer.status, answer)
        assert answer.status == 429 and int(answer.headers["Retry-After"]) > 10, answer
        t.ask("health", 200, key="")


def starting(place):
    """While the model is loaded /healthz answers already, and everything else says when to come again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = harness.Server(place.copy("starting"), wait=False, port=port)
    server.host, server.port, server.url = "127.0.0.1", port, f"http://127.0.0.1:{port}"
    document = place.document
    t = Asker(document, server, place.seen)
    statuses = []
    end = time.time() + 120
    try:
        while 200 not in statuses and time.time() < end:
            try:
                answer, status, health = (server.ask("GET", path) for path in ("/readyz", "/v1/status", "/healthz"))
            except ConnectionRefusedError:
                assert server.process.poll() is None, server.errors()
                time.sleep(0.005)
                continue
            statuses.append(answer.status)
            t.check(document.operations["readiness"], answer.status, answer)
            t.check(document.operations["status"], status.status, status)
            t.check(document.operations["health"], 200, health)
        assert set(statuses) <= {200, 503} and 200 in statuses, statuses
        print(f"      {statuses.count(503)} times 503 before /readyz said 200")
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()


def given_features(place):
    """A space that was trained on features that were given cannot encode new words: 409."""
    workspace = os.path.join(place.folder, "features")
    data = lambda name: os.path.join(harness.DATA, name)
    harness.run(workspace, "ingest", "--format", "features", "--image-features", data("image.npy"), "--text-features",
                data("text.npy"), "--ids", data("ids.txt"), "--labels", data("labels.txt"), "--splits", data("splits"))
    harness.run(workspace, "train", "--method", "cca-itq", "--bits", "16")
    harness.run(workspace, "index")
    with harness.Server(workspace) as server:
        t = Asker(place.read(server), server, place.seen)
        t.ask("search", 409, key="", body={"text": "green star"})
        t.ask("searchByWords", 409, key="", query={"text": "green star"})
        t.ask("encode", 409, key="", body={"text": "green star"})
        t.ask("explain", 409, key="", body={"text": "green star", "id": "red-star-1"})
        hits = t.ask("search", 200, key="", body={"item_id": "red-star-1"})["hits"]
        assert hits and hits[0]["thumb"] is None, hits


def all_was_seen(place):
    """Nothing is declared that no row of the table has seen, but for what is listed above with a reason."""
    declared = {(name, int(status)) for name, operation in place.document.operations.items()
                for status in operation.spec["responses"]}
    listed = {(name, status) for name, status in declared if (name, status) in NOT_PROVOKED or ("*", status) in NOT_PROVOKED}
    missing = sorted(declared - place.seen - listed)
    assert not missing, f"declared and never seen: {missing}"
    assert not listed & place.seen, f"seen after all: {sorted(listed & place.seen)}"
    for name in place.document.operations:
        assert any(each == name and status < 400 for each, status in place.seen), f"{name} never succeeded"
    print(f"      {len(place.document.operations)} operations, {len(place.seen)} kinds of answers, {len(listed)} not to be had")


def openapi(folder):
    """All of them, in order: the last looks at what the others have seen."""
    place = Place(folder)
    for test in (every_operation, without_users, starting, given_features, all_was_seen):
        started = time.time()
        test(place)
        print(f"ok    {test.__name__} ({time.time() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--document"]:
        with open(sys.argv[2], encoding="utf-8") as file:
            DOCUMENT = file.read()
        del sys.argv[1:3]
    harness.main([openapi])
