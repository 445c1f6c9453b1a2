"""Who may do what with which item: the roles, the items and one row for each way to ask. access_test.py walks it.

A new endpoint needs a row here: the test compares the rows with openapi.json.
"""
import base64, dataclasses, json, struct, zlib
from typing import Callable, Optional

from harness import multipart, quoted


# ---- who asks ----

@dataclasses.dataclass(frozen=True)
class Role:
    name: str
    user: str = ""            # none: without a key that counts
    scopes: frozenset = frozenset()
    groups: frozenset = frozenset()

    @property
    def known(self):
        return bool(self.user)

    def may(self, scope):
        return self.known and (scope == "any" or scope in self.scopes or "admin" in self.scopes)

    def sees(self, item):
        return item.there and (not item.groups or bool(item.groups & self.groups) or "admin" in self.scopes)


def role(name, user, scopes, groups=()):
    return Role(name, user, frozenset(scopes), frozenset(groups))


STRANGERS = [Role("no key"), Role("wrong key"), Role("revoked key"), Role("expired key"), Role("key of a disabled user")]
MEMBERS = [
    role("search only", "sue", ["search"]),
    role("read only", "rob", ["read"]),
    role("write only", "wim", ["write"]),
    role("search and read in no group", "pat", ["search", "read"]),
    role("search and read in lab", "lea", ["search", "read"], ["lab"]),
    role("search and read in office", "ole", ["search", "read"], ["office"]),
    role("write in lab", "wanda", ["write"], ["lab"]),
    role("admin", "ada", ["admin"]),
]
ROLES = STRANGERS + MEMBERS
ROLE = {one.name: one for one in ROLES}


# ---- about what ----

def png(seed):
    """A picture that looks like no other: 24 pixels square, of blocks whose colours follow from the seed."""
    lines = b""
    for y in range(24):
        lines += b"\0"
        for x in range(24):
            lines += zlib.crc32(f"{seed} {x // 4} {y // 4}".encode()).to_bytes(4, "big")[:3]
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 24, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


@dataclasses.dataclass(frozen=True)
class Item:
    """Everything by which an item could be told from another differs in one letter, so answers have equal lengths."""
    letter: str
    groups: frozenset = frozenset()
    there: bool = True
    was_there: bool = True

    id = property(lambda self: f"table-{self.letter}-item")
    word = property(lambda self: f"zulu{self.letter}")     # in its text and its label, and nowhere else
    column = property(lambda self: f"mark-{self.letter}")  # of its label, and of no other item
    picture = property(lambda self: png(self.letter))
    tokens = property(lambda self: (self.id, self.word, self.column))

    def body(self, groups=True):
        item = {"text": f"a red circle {self.word}", "image": base64.b64encode(self.picture).decode(),
                "labels": {self.column: [self.word], "colour": ["red"]}}
        return {**item, "groups": sorted(self.groups)} if groups else item


NEVER = Item("n", there=False, was_there=False)
ITEMS = {
    "public": Item("p"),
    "of lab": Item("l", frozenset(["lab"])),
    "of office": Item("o", frozenset(["office"])),
    "of lab and office": Item("b", frozenset(["lab", "office"])),
    "deleted": Item("g", there=False),
    "never there": NEVER,
}


# ---- how ----

@dataclasses.dataclass(frozen=True)
class Row:
    method: str
    pattern: str            # as in openapi.json
    scope: str              # "none": everybody; "any": everybody with a key
    ask: Callable           # (item, world) -> (path, body, headers)
    seen: int               # status where the role may and sees the item
    unseen: Optional[int] = None  # ... and does not see it; none: the same, and the item is not in it
    about_item: bool = True
    same: bool = True       # to be told from an item that was never there by nothing
    shows: bool = True      # the answer about a seen item names it
    changes: bool = False   # the item: it is put back as it was
    audited: bool = True    # also where it is done
    note: str = ""

    def shown_by(self, item):
        """Any of these in an answer says that there is such an item."""
        return (item.column,) if self.pattern == "/v1/labels" else (item.id, item.word)

    def __str__(self):
        return f"{self.method} {self.pattern}" + (f" ({self.note})" if self.note else "")


def asks(path, body=None, headers=None):
    """A question in which ID, WORD and COLUMN stand for those of the item."""
    def ask(item, world):
        def filled(value):
            return value.replace("ID", item.id).replace("WORD", item.word).replace("COLUMN", item.column)
        return filled(path), json.loads(filled(json.dumps(body))) if body is not None else None, headers or {}
    return ask


def cursor_of(item):
    return base64.urlsafe_b64encode(item.id.encode()).rstrip(b"=").decode()


def by_picture(item, world):
    return "/v1/search", multipart(query='{"limit": 100, "find": "image"}', image=("it.png", item.picture)), {}


def after_item(item, world):
    return "/v1/items?limit=5&cursor=" + cursor_of(item), None, {}


def put(item, world):
    return "/v1/items/" + quoted(item.id), item.body(groups=False), {}


def put_batch(item, world):
    return "/v1/items:batch", {"items": [{"id": item.id, **item.body(groups=False)}]}, {}


def known_thumbnail(item, world):
    return f"/v1/items/{item.id}/thumbnail", None, {"If-None-Match": world.tags.get(item.id, '"0-256"')}


def plain(path, body=None):
    return lambda item, world: (path, body(world) if callable(body) else body, {})


def server_row(method, pattern, scope, status, ask=None, **more):
    """A row that is not about an item."""
    return Row(method, pattern, scope, ask or plain(pattern), status, about_item=False, shows=False, **more)


FILTER = {"column": "COLUMN", "in": ["WORD"]}
ONLY_WORDS = {"code": 0}

ROWS = [
    # Searches. A word that nobody knows has the same code as another such word.
    Row("POST", "/v1/search", "search", asks("/v1/search", {"text": "WORD", "weights": ONLY_WORDS}), 200, note="by its word"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"text": "red circle WORD", "limit": 100}), 200, same=False,
        note="by its text"),
    Row("POST", "/v1/search", "search", by_picture, 200, same=False, note="by its picture"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"text": "red circle", "filter": FILTER}), 200,
        note="by a filter that it alone passes"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"text": "red", "filter": {"all": [
        FILTER, {"not": {"column": "COLUMN", "in": ["other"]}}]}}), 200, note="by a nested filter"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"text": "WORD", "weights": ONLY_WORDS, "min_probability": 0.01}),
        200, shows=False, note="with min_probability"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"item_id": "ID", "limit": 3}), 200, 404, shows=False, note="similar"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"item_id": "ID", "find": "both", "filter": FILTER}), 200, 404,
        shows=False, note="similar, filtered"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"item_id": "ID", "text": "ID"}), 400, shows=False, note="in error"),
    Row("POST", "/v1/search", "search", asks("/v1/search", {"item_id": "ID", "rerank": True}), 200, 404, shows=False,
        note="similar, reranked"),
    Row("GET", "/v1/search", "search", asks("/v1/search?text=red&filter=COLUMN=WORD"), 200),
    Row("GET", "/v1/suggest", "search", asks("/v1/suggest?prefix=WORD"), 200),
    Row("GET", "/v1/suggest", "search", asks("/v1/suggest?prefix=zulu&limit=100"), 200, same=False, note="of all"),
    Row("GET", "/v1/labels", "search", asks("/v1/labels"), 200, same=False),
    Row("GET", "/v1/labels/{column}", "search", asks("/v1/labels/COLUMN"), 200),
    # What people say of answers. None may be said of what one may not see.
    Row("POST", "/v1/feedback", "search", asks("/v1/feedback", {"text": "red", "id": "ID", "right": True}), 201, 404),
    Row("POST", "/v1/feedback", "search", asks("/v1/feedback", {"text": "red", "id": "ID", "right": None}), 201, 404,
        note="taken back"),
    Row("POST", "/v1/feedback", "search", asks("/v1/feedback", {"item_id": "ID", "id": "red-star-1", "right": False}), 201, 404,
        shows=False, note="of what is like it"),
    Row("POST", "/v1/feedback", "search", asks("/v1/feedback", {"text": "red", "id": "ID"}), 400, shows=False, note="in error"),
    server_row("GET", "/v1/feedback", "admin", 200),
    server_row("POST", "/v1/encode", "search", 200, plain("/v1/encode", {"text": "red"})),
    Row("POST", "/v1/explain", "search", asks("/v1/explain", {"text": "red circle", "id": "ID", "modality": "text"}), 200, 404),
    Row("POST", "/v1/explain", "search", asks("/v1/explain", {"item_id": "ID", "id": "blue-ring-1"}), 200, 404, shows=False,
        note="of more like it"),
    Row("POST", "/v1/explain", "search", asks("/v1/explain", {"text": "red", "id": "ID", "language": "fr"}), 400, shows=False,
        note="in error"),

    # Items.
    Row("GET", "/v1/items", "read", asks("/v1/items?filter=COLUMN=WORD"), 200),
    Row("GET", "/v1/items", "read", asks("/v1/items?limit=1000"), 200, same=False, note="all of them"),
    Row("GET", "/v1/items", "read", after_item, 200, 404, shows=False, note="behind it"),
    Row("GET", "/v1/items/{id}", "read", asks("/v1/items/ID"), 200, 404),
    Row("HEAD", "/v1/items/{id}", "read", asks("/v1/items/ID"), 200, 404, shows=False),
    Row("GET", "/v1/items/{id}/thumbnail", "read", asks("/v1/items/ID/thumbnail"), 200, 404, shows=False),
    Row("GET", "/v1/items/{id}/thumbnail", "read", known_thumbnail, 304, 404, shows=False, note="whose tag one knows"),
    Row("GET", "/v1/items/{id}/thumbnail", "read", asks("/v1/items/ID/thumbnail?w=3"), 400, shows=False, note="in error"),
    Row("GET", "/v1/count", "read", asks("/v1/count?filter=COLUMN=WORD"), 200, shows=False),
    # That an id is taken must be said to whoever wants to use it; not what it is taken by.
    Row("PUT", "/v1/items/{id}", "write", put, 200, 400, same=False, shows=False, changes=True),
    Row("PUT", "/v1/items/{id}", "write", asks("/v1/items/ID", {"words": "ID"}), 400, shows=False, note="in error"),
    Row("POST", "/v1/items:batch", "write", put_batch, 207, same=False, shows=False, changes=True),
    Row("DELETE", "/v1/items/{id}", "write", asks("/v1/items/ID"), 204, 404, shows=False, changes=True),

    # The server and its jobs.
    server_row("GET", "/v1/spaces", "read", 200),
    server_row("GET", "/v1/status", "read", 200),
    server_row("GET", "/v1/latency", "admin", 200),
    server_row("GET", "/v1/jobs", "admin", 200),
    server_row("POST", "/v1/jobs", "admin", 202, plain("/v1/jobs", lambda world: {
        "kind": "backup", "arguments": {"target": world.folder + "/backup"}})),
    server_row("GET", "/v1/jobs/{id}", "admin", 200, lambda item, world: ("/v1/jobs/" + world.job, None, {})),
    server_row("GET", "/v1/jobs/{id}", "admin", 404, plain("/v1/jobs/none"), note="that there is not"),
    server_row("DELETE", "/v1/jobs/{id}", "admin", 400, lambda item, world: ("/v1/jobs/" + world.job, None, {}),
               note="that is done"),
    server_row("DELETE", "/v1/jobs/{id}", "admin", 404, plain("/v1/jobs/none"), note="that there is not"),
    server_row("GET", "/v1/evaluations", "admin", 200),
    server_row("GET", "/v1/collection", "admin", 200),
    server_row("GET", "/v1/rejections", "admin", 200),

    # Rights.
    server_row("GET", "/v1/session", "any", 200),
    server_row("POST", "/v1/session", "key", 200, lambda item, world: ("/v1/session", {"key": world.asking}, {})),
    server_row("DELETE", "/v1/session", "none", 204, audited=False),
    server_row("GET", "/v1/users", "admin", 200),
    server_row("POST", "/v1/users", "admin", 201, plain("/v1/users", {"name": "tom", "groups": ["lab"]})),
    server_row("PUT", "/v1/users/{name}", "admin", 200, plain("/v1/users/tom", {"groups": ["office"]})),
    server_row("POST", "/v1/users", "admin", 400, plain("/v1/users", {"name": "no name"}), note="who cannot be called so"),
    server_row("PUT", "/v1/users/{name}", "admin", 404, plain("/v1/users/nobody", {"groups": []}), note="who is not there"),
    server_row("GET", "/v1/keys", "admin", 200),
    server_row("POST", "/v1/keys", "admin", 201, plain("/v1/keys", {"user": "tom", "scopes": ["read"]})),
    server_row("DELETE", "/v1/keys/{id}", "admin", 204, lambda item, world: ("/v1/keys/" + world.spare_key, None, {})),
    server_row("DELETE", "/v1/keys/{id}", "admin", 404, plain("/v1/keys/aaaaaaaa"), note="that there is not"),
    server_row("DELETE", "/v1/users/{name}", "admin", 204, plain("/v1/users/tom")),
    server_row("GET", "/v1/audit", "admin", 200),

    # Health and description; what is not a /v1 call is not logged where it is done.
    server_row("GET", "/metrics", "admin", 200, audited=False),
    server_row("GET", "/healthz", "none", 200, audited=False),
    server_row("GET", "/readyz", "none", 200, audited=False),
    server_row("GET", "/openapi.json", "none", 200, audited=False),
    server_row("GET", "/docs", "none", 200, audited=False),

    # The page; what it shows it asks for as everybody else does.
    server_row("GET", "/", "none", 200, audited=False),
    server_row("GET", "/admin", "none", 200, audited=False),
    server_row("GET", "/admin/{section}", "none", 200, plain("/admin/users"), audited=False),
    server_row("GET", "/assets/{file}", "none", 404, plain("/assets/none.js"), audited=False),
]
