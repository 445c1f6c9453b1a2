#!/usr/bin/python3
"""Users see what their groups may see and do what their keys may do, and nothing tells them that there is more.

The table of who, how and about what is access_table.py. What an answer may depend on is shown by twins: servers on the
same workspace without the items that somebody may not see, whose answers to him must be the same byte for byte.
"""
import atexit, base64, http.client, json, os, shutil, sqlite3, statistics, time

from access_table import (ITEMS, MEMBERS, NEVER, ONLY_WORDS, ROLE, ROLES, ROWS, STRANGERS, cursor_of, png)
from harness import DATA, Server, fresh_folder, main, make_key, make_workspace, multipart, picture, quoted, run


# ---- the world ----

class World:
    """A workspace with users, keys and a calibrated space; made once, copied for each test."""

    made = None

    def __init__(self):
        self.folder = fresh_folder()
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.base = make_workspace(self.folder, "base")
        run(self.base, "calibrate")
        self.keys = {"no key": "", "wrong key": "wrf_aaaaaaaa_" + "A" * 43}
        self.keys["admin"] = make_key(self.base, "ada", ["admin"])
        with Server(self.base) as server:  # over HTTP: quicker than the command line
            admin = Client(server, self.keys["admin"])
            for role in MEMBERS:
                if role.user != "ada":
                    admin.must(201, "POST", "/v1/users", {"name": role.user, "groups": sorted(role.groups)})
                    self.keys[role.name] = new_key(admin, role.user, sorted(role.scopes))
            for name in ("revoked key", "expired key", "spare key"):
                self.keys[name] = new_key(admin, "ada", ["admin"])
            admin.must(201, "POST", "/v1/users", {"name": "dan", "groups": ["lab"]})
            self.keys["key of a disabled user"] = new_key(admin, "dan", ["admin"])
            admin.must(204, "DELETE", "/v1/keys/" + id_of(self.keys["revoked key"]))
        run(self.base, "users", "disable", "dan")
        # The shortest life is a minute; this one was long ago.
        with sqlite3.connect(os.path.join(self.base, "access.db")) as access:
            access.execute("UPDATE keys SET expires = ? WHERE id = ?", (int(time.time()) - 5, id_of(self.keys["expired key"])))
        access.close()
        self.job, self.spare_key, self.tags, self.asking = "", id_of(self.keys["spare key"]), {}, ""

    @classmethod
    def copy(cls, folder, name="ws"):
        cls.made = cls.made or cls()
        shutil.copytree(cls.made.base, os.path.join(folder, name))
        return cls.made, os.path.join(folder, name)


def new_key(admin, user, scopes):
    return admin.must(201, "POST", "/v1/keys", {"user": user, "scopes": scopes}).json()["key"]


def id_of(key):
    return key.split("_")[1]


class Client:
    """Asks as one role over one connection; every question has an id of its own."""

    count = 0

    def __init__(self, server, key):
        self.server, self.key, self.connection = server, key, server.connect()

    def ask(self, method, path, body=None, headers=None, request=None):
        Client.count += 1
        self.request = request or f"access-{Client.count:08}"
        for attempt in (1, 2):
            try:
                return self.server.ask(method, path, body, key=self.key, connection=self.connection,
                                       headers={**(headers or {}), "X-Request-Id": self.request})
            except (http.client.RemoteDisconnected, BrokenPipeError):  # idle for too long
                self.connection.close()
                if attempt == 2:
                    raise

    def must(self, status, *question, **more):
        answer = self.ask(*question, **more)
        assert answer.status == status, f"{question[:2]}: {answer}, not {status}"
        return answer

    def find(self, **query):
        return [hit["id"] for hit in self.must(200, "POST", "/v1/search", {"limit": 1000, **query}).json()["hits"]]


def essence(answer, *replaced):
    """An answer but its time and request id, with (text, stand-in) replaced."""
    headers = sorted((name.lower(), value) for name, value in answer.headers.items()
                     if name.lower() not in ("date", "x-request-id"))
    text = json.dumps([answer.status, headers]).encode() + b"\n" + answer.body
    for old, new in [(answer.headers["X-Request-Id"], "REQUEST"), *replaced]:
        text = text.replace(old.encode(), new.encode())
    return text


def store(admin, item):
    """Makes an item of the table what the table says."""
    if item.there or item.was_there:
        answer = admin.ask("PUT", "/v1/items/" + item.id, item.body())
        assert answer.status in (200, 201), answer
    if not item.there:
        answer = admin.ask("DELETE", "/v1/items/" + item.id)
        assert answer.status in (204, 404), answer


def tag_of(admin, item):
    return admin.must(200, "GET", f"/v1/items/{item.id}/thumbnail").headers["ETag"]


def audit_lines(workspace):
    lines = []
    for name in sorted(os.listdir(os.path.join(workspace, "audit"))):
        if name.endswith(".jsonl"):
            with open(os.path.join(workspace, "audit", name)) as file:
                lines += [json.loads(line) for line in file]
    return lines


def check_nothing_kept(workspace, server_log, keys):
    """No key in any file of the workspace, nor in what the server said; the audit log is intact."""
    verified = run(workspace, "audit", "verify", "--output", "json")
    assert verified.returncode == 0 and json.loads(verified.stdout)["intact"], verified
    secrets = [key.split("_", 2)[2].encode() for key in keys if key]
    for folder, _, names in os.walk(workspace):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
            for secret in secrets:
                assert secret not in content, f"{folder}/{name} holds a key"
    for secret in secrets:
        assert secret not in server_log.encode(), "the server's log holds a key"


# ---- the table ----

def expected(row, role, item):
    if row.scope == "key":
        return row.seen if role.known else 401
    if row.scope != "none" and not role.known:
        return 401
    if row.scope != "none" and not role.may(row.scope):
        return 403
    if role.sees(item) or row.unseen is None or not row.about_item:
        return row.seen
    if row.method == "PUT" and not item.there:
        return 201
    return row.unseen


def check_batch(role, item, answer):
    status = answer.json()["results"][0]["status"]
    assert status == (200 if role.sees(item) else 400 if item.there else 201), answer


def items_of_line(row, role, item, outcome):
    """Which items the audit log must name: that one was asked for, or that were changed."""
    if row.pattern == "/v1/items:batch":
        return [item.id] if outcome == "done" and (role.sees(item) or not item.there) else []
    return [item.id] if "{id}" in row.pattern and outcome != "refused" else []


def the_table(folder):
    world, workspace = World.copy(folder)
    world.folder = folder
    with Server(workspace) as server:
        document = server.ask("GET", "/openapi.json").json()
        promised = {(method.upper(), path): operation.get("x-scope")
                    for path, methods in document["paths"].items() for method, operation in methods.items()}
        walked = {(row.method, row.pattern) for row in ROWS if row.method != "HEAD"}
        assert walked == set(promised), f"not in the table, or not in openapi.json: {walked ^ set(promised)}"
        admin = Client(server, world.keys["admin"])
        for item in ITEMS.values():
            store(admin, item)
            if item.there:
                world.tags[item.id] = tag_of(admin, item)
        world.job = admin.must(202, "POST", "/v1/jobs", {"kind": "evaluate"}).json()["id"]
        while admin.ask("GET", "/v1/jobs/" + world.job).json()["state"] not in ("done", "failed"):
            time.sleep(0.02)
        clients = {role.name: Client(server, world.keys[role.name]) for role in ROLES}
        failures, asked, cells, refusals = [], {}, 0, {}

        def walk(row, role, item, never):
            """One cell; what is wrong with it."""
            client, known = clients[role.name], role.sees(item)
            world.asking = world.keys[role.name]
            path, body, headers = row.ask(item, world)
            answer = client.ask(row.method, path, body, headers)
            status = expected(row, role, item)
            asked[client.request] = (row, role, item, status)
            essential = essence(answer, *stand_ins(item))
            if answer.status != status:
                return f"{answer}, not {status}", essential
            if status == 401:
                refusals.setdefault(str(row), set()).add(essence(answer))
            if row.about_item and not known or status in (401, 403):
                # What it was asked with comes back at most.
                said = answer.body.decode("utf-8", "replace")
                if row.method == "GET" or "search" in row.pattern:
                    given = path + (json.dumps(body) if isinstance(body, dict) else "") + (item.id if "cursor=" in path else "")
                    noticed = [token for token in item.tokens if token in said and token not in given]
                    if noticed:
                        return f"tells of {noticed}: {answer}", essential
                if never is not None and (row.same or status in (401, 403)) and essential != never:
                    return f"differs from that of an item that was never there:\n   {essential}\n   {never}", essential
            elif known and row.shows and not any(token in answer.body.decode() for token in row.shown_by(item)):
                return f"does not show it: {answer}", essential
            if row.method != "HEAD" and row.pattern == "/v1/count" and status == 200 and answer.json()["items"] != known:
                return f"counts {answer}", essential
            if row.pattern == "/v1/items:batch" and status == 207:
                check_batch(role, item, answer)
            return None, essential

        for row in ROWS:
            for role in ROLES:
                never = None
                for name, item in ([("never there", NEVER)] + list(ITEMS.items())[:-1]) if row.about_item else [("", NEVER)]:
                    before = admin.ask("GET", "/v1/items/" + item.id) if row.changes else None
                    wrong, essential = walk(row, role, item, never)
                    never = essential if item is NEVER else never
                    cells += 1
                    if wrong:
                        failures.append(f"{row} / {role.name} / {name}: {wrong}")
                    if not row.changes:
                        continue
                    after = admin.ask("GET", "/v1/items/" + item.id)
                    if not (role.may(row.scope) and (role.sees(item) or not item.there)):
                        if essence(before) != essence(after):
                            failures.append(f"{row} / {role.name} / {name}: was changed: {before} {after}")
                        if item.there and tag_of(admin, item) != world.tags[item.id]:
                            failures.append(f"{row} / {role.name} / {name}: its picture was changed")
                    else:
                        wanted = sorted(item.groups if item.there else role.groups)
                        if row.method != "DELETE" and after.json()["groups"] != wanted:
                            failures.append(f"{row} / {role.name} / {name}: groups {after}, not {wanted}")
                        store(admin, item)
        for row, answers in refusals.items():
            if len(answers) > 1:
                failures.append(f"{row}: keys that do not count can be told apart: {answers}")
        for row in ROWS:
            scope = promised.get((row.method, row.pattern))
            if scope is not None and {"key": "none"}.get(row.scope, row.scope) != scope:
                failures.append(f"{row}: openapi.json says scope {scope}, not {row.scope}")
    lines = {}
    for line in audit_lines(workspace):
        lines.setdefault(line["request"], []).append(line)
    for request, (row, role, item, status) in asked.items():
        written = lines.get(request, [])
        if not row.audited and status not in (401, 403):
            continue
        cell = f"{row} / {role.name} / {item.id}"
        outcome = "refused" if status in (401, 403) else "failed" if status >= 400 else "done"
        if [(line["status"], line["outcome"]) for line in written] != [(status, outcome)]:
            failures.append(f"{cell}: the audit log has {written}, not one line of status {status}")
        elif written[0]["who"] != (role.user if role.known and status != 401 else "anonymous"):
            failures.append(f"{cell}: the audit log says it was {written[0]['who']}")
        elif written[0]["items"] != items_of_line(row, role, item, outcome) and row.pattern.startswith("/v1/items"):
            failures.append(f"{cell}: the audit log says it was about {written[0]['items']}")
    check_nothing_kept(workspace, server.errors(), world.keys.values())
    print(f"      {cells} cells of {len(ROWS)} rows, {len(ROLES)} roles, {len(ITEMS)} items", flush=True)
    assert not failures, f"{len(failures)} cells:\n" + "\n".join(failures[:40])


def stand_ins(item):
    return list(zip(item.tokens, ("ID", "WORD", "COLUMN")))


# ---- twins ----

HIDDEN = {"lab": ["lab"], "office": ["office"], "both": ["lab", "office"]}
SHOWN = {"red-star-1": "lab", "blue-ring-2": "office", "green-square-1": "both"}  # of those in the base workspace


def story():
    """What is put into the workspace, in this order: (id, groups, what)."""
    steps = []
    with open(os.path.join(DATA, "pairs.jsonl")) as file:
        base = {one["id"]: one for one in map(json.loads, file)}
    def add(id, groups, text, image, labels, attributes=None):
        item = {"labels": labels, "groups": groups, "attributes": attributes or {}}
        if text:
            item["text"] = text
        if image:
            item["image"] = base64.b64encode(image).decode()
        steps.append((id, groups, item))
    for number in range(8):
        add(f"office-{number}", ["office"], f"a red circle quokka {number}", png(f"o{number}"),
            {"colour": ["red", "mauve"], "desk": [f"d{number % 3}"]})
        add(f"open-{number}", [], f"a red star beside a circle {number}", png(f"p{number}"), {"colour": ["red"], "number": [str(number)]})
        add(f"lab-{number}", ["lab"], f"quokka wombat 赤い円 {number}", None if number % 2 else png(f"l{number}"),
            {"shape": ["circle"], "specimen": ["wombat"]}, {"taken": ["2027"]})
    add("office-picture", ["office"], None, png("alone"), {"colour": ["red"]})
    for id, groups in SHOWN.items():
        one = base[id]
        add(id, HIDDEN[groups], one["text"], picture(os.path.basename(one["image"])), one["labels"])
    for item in ITEMS.values():
        if item.there:
            steps.append((item.id, sorted(item.groups), item.body()))
    add("both-last", ["lab", "office"], "quokka of the two", png("both"), {"colour": ["mauve"]})
    return steps


def tell(server, world, groups):
    """The story, as far as somebody of these groups may see it; all of it: groups is None."""
    admin = Client(server, world.keys["admin"])
    for id, of, item in story():
        if groups is None or not of or set(of) & groups:
            answer = admin.ask("PUT", "/v1/items/" + quoted(id), item)
            assert answer.status in (200, 201), answer
        elif id in SHOWN:
            admin.must(204, "DELETE", "/v1/items/" + quoted(id))
    if groups is None:
        store(admin, ITEMS["deleted"])


def questions():
    texts = ["red", "a red circle", "赤い円", "star beside", "quokka", "red quokka wombat", "wombat OR red", "png", "office-3",
             "red-star-1", "zulup zulul zuluo zulub", "nothing of this", "2027"]
    pictures = [picture("red-star-1.png"), png("alone"), png("l0"), ITEMS["of office"].picture, png("somewhere else")]
    filters = [{"column": "colour", "in": ["red"]}, {"column": "colour", "in": ["mauve", "blue"]}, {"not": {"column": "specimen", "in": ["wombat"]}},
               {"column": "desk", "in": ["d1"]}, {"any": [{"column": "taken", "in": ["2027"]}, {"column": "shape", "in": ["ring"]}]},
               {"all": []}, {"any": []}]
    def search(**query):
        return "POST", "/v1/search", query
    for text in texts:
        for find in ("any", "image", "text", "both"):
            yield search(text=text, find=find, limit=1000)
        for find in ("any", "both"):
            yield search(text=text, find=find, limit=5)
            yield search(text=text, find=find, limit=5, cursor="NQ")  # from the sixth
        yield search(text=text, weights=ONLY_WORDS, limit=1000)
        yield search(text=text, weights={"words": 0}, limit=1000)
        for least in (0.3, 0.6, 0.95):
            yield search(text=text, min_probability=least, limit=1000)
            yield search(text=text, min_probability=least, limit=2)
        for filter in filters:
            yield search(text=text, filter=filter, limit=1000)
        yield "GET", "/v1/search?limit=3&text=" + quoted(text), None
    for image in pictures:
        for find in ("any", "image", "text", "both"):
            yield "POST", "/v1/search", multipart(query=json.dumps({"find": find, "limit": 200}), image=("a.png", image))
        yield "POST", "/v1/search", multipart(query='{"min_probability": 0.5}', image=("a.png", image))
        yield "POST", "/v1/search", multipart(query='{"text": "red quokka", "weights": {"text": 2, "image": 1}}', image=("a.png", image))
    ids = [id for id, _, _ in story()] + ["blue-ring-1", NEVER.id, ITEMS["deleted"].id]
    for id in ids:
        for find in ("any", "both"):
            yield search(item_id=id, find=find, limit=30)
        yield "GET", "/v1/items/" + quoted(id), None
        yield "GET", f"/v1/items/{quoted(id)}/thumbnail?w=64", None
        yield "POST", "/v1/explain", {"id": id, "text": "red quokka"}
        yield "GET", "/v1/items?limit=4&cursor=" + cursor_of(type("one", (), {"id": id})), None
    for prefix in ["r", "re", "m", "d", "w", "z", "2", "zulu", "RED", "赤", "%", "0"]:
        for limit in (1, 3, 100):
            yield "GET", f"/v1/suggest?prefix={quoted(prefix)}&limit={limit}", None
    yield "GET", "/v1/labels", None
    for column in ["colour", "shape", "desk", "specimen", "taken", "number", "nosuch", *(item.column for item in ITEMS.values())]:
        yield "GET", "/v1/labels/" + quoted(column), None
    for condition in ["", "?filter=colour=red", "?filter=colour=mauve", "?filter=desk=d1", "?filter=desk=d9", "?filter=nosuch=1",
                      "?filter=colour=red&filter=specimen=wombat"]:
        yield "GET", "/v1/count" + condition, None
        yield "GET", "/v1/items" + (condition + "&" if condition else "?") + "limit=1000", None
        yield "GET", "/v1/items" + (condition + "&" if condition else "?") + "limit=3", None
    yield "POST", "/v1/encode", {"text": "red quokka wombat"}
    for path in ["/v1/status", "/v1/spaces", "/v1/session", "/v1/nosuch", "/metrics", "/v1/users", "/v1/jobs", "/v1/audit"]:
        yield "GET", path, None


def all_pages(client, method, path, body):
    """The answers page by page, as bytes."""
    pages, cursor = [], None
    while len(pages) < 200:
        if method == "POST":
            answer = client.must(200, method, path, {**body, **({"cursor": cursor} if cursor else {})})
        else:
            answer = client.must(200, method, path + (f"&cursor={cursor}" if cursor else ""))
        pages.append(answer)
        cursor = answer.json().get("cursor")
        if not cursor:
            return pages
    raise AssertionError("the pages do not end")


def the_unseen_takes_no_part_in_any_answer(folder):
    world, whole = World.copy(folder, "ws-a")
    failures, compared = [], 0
    with Server(whole) as all_of_it:
        tell(all_of_it, world, None)
        for role in ("search and read in no group", "search and read in lab", "search and read in office"):
            groups = set(ROLE[role].groups)
            _, part = World.copy(folder, "ws-b")
            with Server(part) as twin:
                tell(twin, world, groups)
                here, there = Client(all_of_it, world.keys[role]), Client(twin, world.keys[role])
                place = (part, whole)
                def differ(question, a, b):
                    if essence(a) != essence(b, place):
                        failures.append(f"{role}: {question}\n   {essence(a)}\n   {essence(b, place)}")
                for method, path, body in questions():
                    a = here.ask(method, path, body)
                    b = there.ask(method, path, body, request=here.request)
                    compared += 1
                    differ((method, path, body if isinstance(body, dict) else ""), a, b)
                    if body == {"text": "red quokka wombat", "find": "any", "limit": 1000}:
                        assert a.status == 200 and a.json()["hits"], a
                for question in [("GET", "/v1/items?limit=7", None), ("GET", "/v1/items?limit=2&filter=colour=red", None),
                                 ("POST", "/v1/search", {"text": "red circle quokka", "limit": 7}),
                                 ("POST", "/v1/search", {"text": "quokka", "limit": 3, "weights": ONLY_WORDS}),
                                 ("POST", "/v1/search", {"text": "red", "limit": 4, "min_probability": 0.4})]:
                    a, b = all_pages(here, *question), all_pages(there, *question)
                    compared += len(a)
                    if len(a) != len(b):
                        failures.append(f"{role}: {question}: {len(a)} pages, not {len(b)}")
                    for one, other in zip(a, b):
                        differ(question, one, other)
            shutil.rmtree(part)
        # That the twins are not the same to somebody who sees more.
        admin = Client(all_of_it, world.keys["admin"])
        lea = Client(all_of_it, world.keys["search and read in lab"])
        assert len(admin.find(text="quokka", weights=ONLY_WORDS)) == 17 and len(lea.find(text="quokka", weights=ONLY_WORDS)) == 9
        assert admin.must(200, "GET", "/v1/count").json()["items"] > lea.must(200, "GET", "/v1/count").json()["items"]
    print(f"      {compared} answers compared", flush=True)
    assert not failures, f"{len(failures)} answers:\n" + "\n".join(failures[:20])


# ---- changes ----

def rights_count_from_the_next_request_on(folder):
    world, workspace = World.copy(folder)
    with Server(workspace) as server:
        client = {role.name: Client(server, world.keys[role.name]) for role in ROLES}
        admin, lea, ole = client["admin"], client["search and read in lab"], client["search and read in office"]
        item = ITEMS["public"]
        def seen_by(one):
            found = item.id in one.find(text=item.word, weights=ONLY_WORDS)
            listed = item.id in [each["id"] for each in one.must(200, "GET", "/v1/items?limit=1000").json()["items"]]
            counted = one.must(200, "GET", f"/v1/count?filter={item.column}={item.word}").json()["items"] == 1
            suggested = bool(one.must(200, "GET", "/v1/suggest?prefix=" + item.word).json()["suggestions"])
            there = one.ask("GET", "/v1/items/" + item.id).status == 200
            pictured = one.ask("GET", f"/v1/items/{item.id}/thumbnail").status == 200
            like = one.ask("POST", "/v1/search", {"item_id": item.id}).status == 200
            sights = {found, listed, counted, suggested, there, pictured, like}
            assert len(sights) == 1, (found, listed, counted, suggested, there, pictured, like)
            return sights.pop()
        for groups, sees in [([], (True, True)), (["lab"], (True, False)), (["office"], (False, True)),
                             (["lab", "office"], (True, True)), (["nobody"], (False, False)), ([], (True, True))] * 2:
            assert admin.ask("PUT", "/v1/items/" + item.id, {**item.body(), "groups": groups}).status in (200, 201)
            assert (seen_by(lea), seen_by(ole), seen_by(admin)) == (*sees, True), groups
        # The user's groups, by the command line and over HTTP, while the server runs.
        admin.must(200, "PUT", "/v1/items/" + item.id, {**item.body(), "groups": ["office"]})
        run(workspace, "users", "groups", "lea", "--groups", "lab,office")
        assert seen_by(lea)
        admin.must(200, "PUT", "/v1/users/lea", {"groups": ["lab"]})
        assert not seen_by(lea)


def a_writer_gives_items_to_his_own_groups_only(folder):
    world, workspace = World.copy(folder)
    with Server(workspace) as server:
        client = {role.name: Client(server, world.keys[role.name]) for role in ROLES}
        admin, wanda, wim = client["admin"], client["write in lab"], client["write only"]
        for item in ITEMS.values():
            store(admin, item)
        def groups_of(id):
            return admin.must(200, "GET", "/v1/items/" + id).json()["groups"]
        wanda.must(201, "PUT", "/v1/items/mine", {"text": "of mine"})
        assert groups_of("mine") == ["lab"], "an item without groups gets its writer's"
        wim.must(201, "PUT", "/v1/items/everybodys", {"text": "of everybody"})
        assert groups_of("everybodys") == [], "a writer in no group writes for everybody"
        for groups in (["office"], ["lab", "office"], ["nobody"]):
            for id in ("mine", ITEMS["of lab"].id, "new"):
                before = essence(admin.ask("GET", "/v1/items/" + id))
                wanda.must(403, "PUT", "/v1/items/" + id, {"text": "given away", "groups": groups})
                batch = wanda.must(207, "POST", "/v1/items:batch", {"items": [
                    {"id": id, "text": "given away", "groups": groups}, {"id": "mine-too", "text": "kept"}]}).json()
                assert [one["status"] for one in batch["results"]][0] == 403 and batch["stored"] == 1, batch
                assert essence(admin.ask("GET", "/v1/items/" + id)) == before, "it was changed"
        wanda.must(200, "PUT", "/v1/items/mine", {"text": "of the lab", "groups": ["lab"]})
        wanda.must(200, "PUT", "/v1/items/" + ITEMS["of lab and office"].id, {"text": "changed by the lab"})
        assert groups_of(ITEMS["of lab and office"].id) == ["lab", "office"], "groups that are not named stay"
        # What the office has is not overwritten, and its picture neither; nor is it told what it is.
        office = ITEMS["of office"]
        before, tag = essence(admin.ask("GET", "/v1/items/" + office.id)), tag_of(admin, office)
        # A member of groups makes nothing everybody's, and takes nothing away from groups that he is not in.
        for id in ("mine", office.id, "new"):
            assert wanda.ask("PUT", "/v1/items/" + id, {"text": "x", "groups": []}).status == 403, id
        wanda.must(200, "PUT", "/v1/items/" + ITEMS["of lab and office"].id, {"text": "by the lab", "groups": ["lab"]})
        assert groups_of(ITEMS["of lab and office"].id) == ["lab", "office"], "the office keeps it"
        for groups in ({}, {"groups": ["lab"]}):
            answer = wanda.must(400, "PUT", "/v1/items/" + office.id, {**NEVER.body(groups=False), **groups})
            assert not any(word in answer.body.decode() for word in (office.word, office.column, "office\"", "group")), answer
            batch = wanda.must(207, "POST", "/v1/items:batch", {"items": [{"id": office.id, "text": "x", **groups}]})
            assert batch.json()["stored"] == 0, batch
        assert essence(admin.ask("GET", "/v1/items/" + office.id)) == before and tag_of(admin, office) == tag
        # That an id is taken is learnt only by a change that would else have been made, and is in the audit log then.
        for impossible in ({"text": "x", "groups": ["office"]}, {"groups": ["lab"]}, {}, {"text": ""}):
            answers = [essence(wanda.ask("PUT", "/v1/items/" + item.id, impossible), *stand_ins(item)) for item in (office, NEVER)]
            assert answers[0] == answers[1], answers
        wanda.must(404, "DELETE", "/v1/items/" + office.id)
        wanda.must(204, "DELETE", "/v1/items/mine")


def keys_count_at_once(folder):
    world, workspace = World.copy(folder)
    keys = list(world.keys.values())
    with Server(workspace) as server:
        def status(key):
            return server.ask("GET", "/v1/items?limit=1", key=key).status
        made = make_key(workspace, "lea", ["read"])
        keys.append(made)
        assert status(made) == 200, "made on the command line"
        run(workspace, "keys", "revoke", id_of(made))
        assert status(made) == 401, "revoked on the command line"
        admin = Client(server, world.keys["admin"])
        made = new_key(admin, "lea", ["read"])
        keys.append(made)
        assert status(made) == 200, "made over HTTP"
        assert made not in admin.must(200, "GET", "/v1/keys").body.decode(), "shown twice"
        admin.must(204, "DELETE", "/v1/keys/" + id_of(made))
        assert status(made) == 401, "revoked over HTTP"
        reader = world.keys["read only"]
        run(workspace, "users", "disable", "rob")
        assert status(reader) == 401, "of a disabled user"
        run(workspace, "users", "enable", "rob")
        assert status(reader) == 200
        run(workspace, "users", "remove", "rob")
        assert status(reader) == 401, "of a user who is gone"
        for wrong in (reader[:-1], reader + "A", reader[:-1] + ("A" if reader[-1] != "A" else "B"), "wrf_", "x" * 4000, "Bearer"):
            assert status(wrong) == 401, wrong
        for header in ("Basic " + reader, "Bearer", "Bearer ", "bearer\t"):
            assert server.ask("GET", "/v1/items", key="", headers={"Authorization": header}).status == 401, header
    lines = [(line["who"], line["action"]) for line in audit_lines(workspace)]
    for change in [("local", "keys.create"), ("local", "keys.revoke"), ("ada", "keys.create"), ("ada", "keys.revoke"),
                   ("local", "users.remove")]:
        assert change in lines, change
    check_nothing_kept(workspace, server.errors(), keys)


def a_session_is_a_key_in_a_cookie_that_scripts_cannot_read(folder):
    world, workspace = World.copy(folder)
    with Server(workspace) as server:
        def sign_in(role):
            answer = server.ask("POST", "/v1/session", {"key": world.keys[role]}, key="")
            assert answer.status == 200, answer
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie, cookie
            assert world.keys[role] not in cookie and id_of(world.keys[role]) not in cookie, "the key is in the cookie"
            return cookie.split(";")[0]
        def ask(method, path, cookie, body=None, **headers):
            return server.ask(method, path, body, key="",
                              headers={"Cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}})
        assert "Secure" not in sign_in("admin")
        for role in STRANGERS:
            answer = server.ask("POST", "/v1/session", {"key": world.keys[role.name]}, key="")
            assert answer.status == 401 and "Set-Cookie" not in answer.headers, (role, answer)
        wanda = sign_in("write in lab")
        me = ask("GET", "/v1/session", wanda).json()
        assert me == {"name": "wanda", "scopes": ["write"], "groups": ["lab"]}, me
        assert ask("GET", "/v1/items?limit=1", wanda).status == 403, "what the key may not, the session may not"
        item, path = {"text": "by cookie"}, "/v1/items/cookie"
        for headers in ({}, {"X_Warifu": "0"}, {"X_Warifu": "1", "Origin": "https://elsewhere.example"},
                        {"X_Warifu": "1", "Sec_Fetch_Site": "cross-site"}, {"X_Warifu": "1", "Sec_Fetch_Site": "same-site"}):
            for method, body in (("PUT", item), ("DELETE", None)):
                answer = ask(method, path, wanda, body, **headers)
                assert answer.status == 403 and answer.json()["code"] == "cross_site", (headers, answer)
        assert ask("PUT", path, wanda, item, X_Warifu="1").status == 201
        assert ask("DELETE", path, wanda, X_Warifu="1").status == 204
        # It ends with signing out, with its key, and never begins again.
        assert ask("DELETE", "/v1/session", wanda, X_Warifu="1").status == 204
        assert ask("GET", "/v1/session", wanda).status == 401
        lea = sign_in("search and read in lab")
        assert ask("GET", "/v1/session", lea).status == 200
        run(workspace, "keys", "revoke", id_of(world.keys["search and read in lab"]))
        assert ask("GET", "/v1/session", lea).status == 401, "its key was revoked on the command line"
        ole = sign_in("search and read in office")
        Client(server, world.keys["admin"]).must(204, "DELETE", "/v1/keys/" + id_of(world.keys["search and read in office"]))
        assert ask("GET", "/v1/session", ole).status == 401, "its key was revoked over HTTP"
        assert ask("GET", "/v1/session", "warifu_session=" + "A" * 43).status == 401
        cookies = [one.split("=")[1] for one in (wanda, lea, ole)]
    refused = [line for line in audit_lines(workspace) if line["action"] == "PUT /v1/items/{id}" and line["outcome"] == "refused"]
    assert len(refused) == 5, refused
    assert not any(cookie in server.errors() for cookie in cookies)
    check_nothing_kept(workspace, server.errors(), world.keys.values())
    for folder, _, names in os.walk(workspace):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
            assert not any(cookie.encode() in content for cookie in cookies), f"{folder}/{name} holds a session"


# ---- time ----

def the_time_of_an_answer_tells_nothing_gross(folder):
    """Loosely: other programs run on this machine. The ratios are printed."""
    world, workspace = World.copy(folder)
    with Server(workspace) as server:
        admin = Client(server, world.keys["admin"])
        for item in ITEMS.values():
            store(admin, item)
        hidden = ITEMS["of office"]
        for what, method, path, body, role, times in [
            ("item", "GET", "/v1/items/ID", None, "search and read in lab", 300),
            ("thumbnail", "GET", "/v1/items/ID/thumbnail", None, "search and read in lab", 300),
            ("similar", "POST", "/v1/search", {"item_id": "ID"}, "search and read in lab", 300),
            ("count", "GET", "/v1/count?filter=COLUMN=WORD", None, "search and read in lab", 300),
            ("suggestion", "GET", "/v1/suggest?prefix=WORD", None, "search and read in lab", 300),
            ("search by its word", "POST", "/v1/search", {"text": "WORD", "weights": ONLY_WORDS}, "search and read in lab", 300),
            ("delete", "DELETE", "/v1/items/ID", None, "write in lab", 100),
        ]:
            client, took = Client(server, world.keys[role]), {hidden: [], NEVER: []}
            for _ in range(times):
                for item in (hidden, NEVER):
                    filled = lambda text: text.replace("ID", item.id).replace("WORD", item.word).replace("COLUMN", item.column)
                    started = time.perf_counter()
                    client.ask(method, filled(path), json.loads(filled(json.dumps(body))) if body else None)
                    took[item].append(time.perf_counter() - started)
            of_hidden, of_never = (statistics.median(took[item]) for item in (hidden, NEVER))
            print(f"      {what}: {1e6 * of_hidden:.0f} µs where it is not for him, {1e6 * of_never:.0f} µs where it is not: "
                  f"ratio {of_hidden / of_never:.2f}", flush=True)
            assert 0.5 < of_hidden / of_never < 2, what


if __name__ == "__main__":
    main([the_table, the_unseen_takes_no_part_in_any_answer, rights_count_from_the_next_request_on,
          a_writer_gives_items_to_his_own_groups_only, keys_count_at_once,
          a_session_is_a_key_in_a_cookie_that_scripts_cannot_read, the_time_of_an_answer_tells_nothing_gross])
