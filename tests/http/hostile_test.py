#!/usr/bin/python3
"""Bytes of strangers: pictures, JSON, multipart bodies and heads of requests that are damaged at random, and the tricks
that are known. Every answer is a 4xx (or a 2xx, where it did no harm; a 503 says when to come again) and comes in time,
and the server lives on and ends well.

hostile_test.py [--rounds N (500; the full run is 5000)] [--seed N (1)] [--only N: this round again]
A round depends on its number and the seed alone. Standard library only; environment as in harness.py.
"""
import argparse, base64, collections, concurrent.futures, json, os, random, re, shutil, socket, struct, zlib

import harness

SECONDS = 15  # for an answer: decoding a picture is given up after 10
AT_ONCE = 4
MIB = 1 << 20


# ---- good pictures of every format ----


def pixels(side):
    return [[((x * 255) // side, (y * 255) // side, 128 if (x // 4 + y // 4) % 2 else 32) for x in range(side)]
            for y in range(side)]


def gif(side=24):
    palette = b"".join(bytes((i * 2, 255 - i * 2, i)) for i in range(128))
    codes = []  # of eight bits each, because the table is emptied (code 128) before it grows
    for at in range(0, side * side, 100):
        codes += [128] + [(at + i) % 128 for i in range(min(100, side * side - at))]
    data = bytes(codes + [129])
    blocks = b"".join(bytes((len(data[i:i + 255]),)) + data[i:i + 255] for i in range(0, len(data), 255))
    return (b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF6, 0, 0) + palette + b"," +
            struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x07" + blocks + b"\x00;")


def tiff(deflated, side=24):
    data = b"".join(bytes(pixel) for row in pixels(side) for pixel in row)
    data = zlib.compress(data) if deflated else data
    entries = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 3, 8 + len(data)), (259, 3, 1, 8 if deflated else 1),
               (262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, side), (279, 4, 1, len(data))]
    return (b"II*\x00" + struct.pack("<I", 8 + len(data) + 6) + data + struct.pack("<HHH", 8, 8, 8) +
            struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + b"\0\0\0\0")


def png(side=24, interlaced=False, chunks=()):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"".join(bytes(pixel) for pixel in row) for row in pixels(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, interlaced)) +
            b"".join(chunk(kind, data) for kind, data in chunks) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


SVG = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">
<defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="#00f"/></linearGradient>
<filter id="f"><feGaussianBlur stdDeviation="2"/></filter></defs>
<rect x="4" y="4" width="40" height="40" fill="url(#g)" filter="url(#f)" transform="rotate(5)"/>
<path d="M10 10 C 20 20, 40 20, 50 10 Z" style="stroke:black;fill:none"/><text x="5" y="60" font-size="12">words</text>
<use xlink:href="#f" x="1e3"/></svg>"""


def svg_with(body, head=b"", attributes=b'width="64" height="64"'):
    return (b'<?xml version="1.0"?>' + head + b'<svg xmlns="http://www.w3.org/2000/svg" '
            b'xmlns:xlink="http://www.w3.org/1999/xlink" ' + attributes + b">" + body + b"</svg>")


def tricks():
    """Pictures that are made to do harm, by name."""
    laughs = b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10))
    uses = b"".join(b'<g id="u%d">%s</g>' % (i, b'<use xlink:href="#u%d"/>' % (i - 1) * 10) for i in range(1, 12))
    known = {
        "svg: billion laughs": svg_with(b"<text>&a9;</text>", b'<!DOCTYPE svg [<!ENTITY a0 "ha">' + laughs + b"]>"),
        "svg: billion uses": svg_with(b'<defs><rect id="u0" width="9" height="9"/>' + uses + b"</defs>"
                                      b'<use xlink:href="#u11"/>'),
        "svg: uses itself": svg_with(b'<g id="a"><use xlink:href="#a"/></g>'),
        "svg: a file of the server": svg_with(b"<text>&x;</text>",
                                              b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "svg: a picture of the server": svg_with(b'<image xlink:href="file:///etc/passwd" width="64" height="64"/>'),
        "svg: another server": svg_with(b'<image xlink:href="http://127.0.0.1:1/a.png" width="64" height="64"/>'),
        "svg: huge": svg_with(b"<rect/>", attributes=b'width="1e9" height="1e9"'),
        "svg: no size": svg_with(b"<rect/>", attributes=b'width="0" height="-1"'),
        "svg: deep": svg_with(b"<g>" * 20000 + b"</g>" * 20000),
        "svg: slow filter": svg_with(b'<filter id="f"><feTurbulence baseFrequency="0.9" numOctaves="9999"/></filter>'
                                     b'<rect width="64" height="64" filter="url(#f)"/>'),
        "svg: wide blur": svg_with(b'<filter id="f" x="-1e6" width="1e9"><feGaussianBlur stdDeviation="1e8"/></filter>'
                                   b'<rect width="64" height="64" filter="url(#f)"/>'),
        "png: text that unpacks": png(chunks=[(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (64 * MIB)))]),
        "png: a profile that unpacks": png(chunks=[(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * (64 * MIB)))]),
        "png: interlaced without its passes": png(interlaced=True),
        "gif: a screen of 65535": gif()[:6] + b"\xff\xff\xff\xff" + gif()[10:],
        "tiff: its directory is its next": tiff(False)[:-4] + struct.pack("<I", 8 + 24 * 24 * 3 + 6),
        "tiff: strips of 4 GiB": tiff(False).replace(struct.pack("<HHII", 279, 4, 1, 24 * 24 * 3),
                                                     struct.pack("<HHII", 279, 4, 1, 0xFFFFFFFF)),
        "nothing": b"",
        "one byte": b"\xff",
    }
    folder = os.path.join(harness.DATA, "bad", "pictures")
    for name in sorted(each.name for each in os.scandir(folder) if each.is_file()):
        with open(os.path.join(folder, name), "rb") as file:
            known[name] = file.read()
    return known


# ---- damage ----


def damaged(bytes_in, rng, others, most=6):
    """Bits turned, pieces lost, doubled, moved, taken from others, and numbers at their limits."""
    data = bytearray(bytes_in)
    for _ in range(rng.randint(1, most)):
        size = len(data)
        at, length = rng.randint(0, size), rng.choice((1, 2, 4, 16, rng.randint(1, max(1, size // 2))))
        kind = rng.randrange(9)
        if kind <= 2 and size:
            for _ in range(rng.choice((1, 1, 2, 8))):
                data[rng.randrange(size)] ^= 1 << rng.randrange(8)
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at:at + length]
        elif kind == 5:
            data[at:at] = data[at:at + length] * rng.choice((1, 1, 50))
        elif kind == 6:
            other = rng.choice(others)
            start = rng.randint(0, len(other))
            data[at:at + rng.choice((0, length))] = other[start:start + length]
        elif kind == 7:
            data[at:at] = rng.randbytes(min(length, 64))
        else:
            width = rng.choice((1, 2, 4))
            data[at:at + width] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * width
    return bytes(data[:3 * MIB])


ODD = [None, True, 0, -1, 0.5, 1e308, -1e308, 2**53, 2**63, 2**64, 10**400, float("nan"), float("inf"), "", " ", "\0",
       "\ud800", "\u202e\u0301" * 50, "a" * 70000, "' OR 1=1 --", "../../etc/passwd", "star*", '"star', "(", "NEAR(",
       "AND NOT", "-", "^", [], {}, [[]], [None], ["a", 1], {"": ""}, {"all": []}, {"not": {}}, {"part": "image"},
       {"column": "shape", "in": ["star"]}, {"all": [{"any": []}] * 70}]


def damaged_json(value, rng, depth=0):
    """The same with values, keys and nesting replaced here and there."""
    if depth and rng.random() < 0.1:
        return rng.choice(ODD)
    if rng.random() < 0.03:
        for _ in range(rng.choice((5, 70, 2000))):
            value = [value] if rng.random() < 0.5 else {"not": value}
            if depth == 0 and rng.random() < 0.01:
                break
        return value
    if isinstance(value, dict):
        changed = {}
        for key, inner in value.items():
            if rng.random() < 0.1:
                key = rng.choice(("text", "image", "item_id", "filter", "limit", "id", "labels", "", "\0", "x" * 5000))
            changed[key] = damaged_json(inner, rng, depth + 1)
        return changed
    if isinstance(value, list):
        return [damaged_json(inner, rng, depth + 1) for inner in value for _ in range(rng.choice((0, 1, 1, 1, 2, 40)))]
    return value


def text_of(value, rng):
    try:
        text = json.dumps(value).encode("utf-8", "surrogatepass")
    except RecursionError:
        text = b"[" * 5000 + b"]" * 5000
    return damaged(text, rng, [text, b'{"a":', b"\xed\xa0\x80", b"1e99999", b"\\u0000"]) if rng.random() < 0.3 else text


# ---- requests ----


class Requests:
    """Makes the request of a round out of good ones."""

    def __init__(self, seed, pictures):
        self.seed, self.pictures = seed, pictures

    def bodies(self, rng):
        picture = base64.b64encode(rng.choice(self.pictures)).decode()
        item = {"text": "a star 星", "labels": {"shape": ["star"]}, "attributes": {"from": ["a", "b"]}, "groups": []}
        return [
            ("POST", "/v1/search", {"text": "green star", "limit": 5, "find": "any", "min_probability": 0.1,
                                    "weights": {"code": 1, "words": 2}, "cursor": "MTA",
                                    "filter": {"all": [{"column": "shape", "in": ["star", "ring"]},
                                                       {"not": {"any": [{"column": "colour", "in": ["red"]}]}}]}}),
            ("POST", "/v1/search", {"image": picture, "text": "star", "weights": {"text": 1, "image": 1}}),
            ("POST", "/v1/search", {"item_id": "red-star-1", "limit": 3}),
            ("POST", "/v1/encode", {"text": "a red circle", "image": picture}),
            ("POST", "/v1/explain", {"text": "a red circle", "image": picture, "id": "red-circle-1", "modality": "image"}),
            ("POST", "/v1/feedback", {"text": "a red circle", "image": picture, "id": "red-circle-1", "right": True, "rank": 3,
                                      "distance": 2, "confidence": "weak"}),
            ("PUT", f"/v1/items/hostile-{rng.randrange(40)}", {**item, "image": picture, "image_name": "a.png"}),
            ("POST", "/v1/items:batch", {"items": [{"id": f"hostile-{rng.randrange(40)}", **item},
                                                   {"id": "hostile-0", "image": picture}, {"id": "x"}]}),
        ]

    def request(self, method, path, content_type, body, headers=()):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"Content-Type: {content_type}"] if content_type else []
        return ("\r\n".join([*lines, *headers, "", ""])).encode() + body

    def damaged_picture(self, rng):
        picture = damaged(rng.choice(self.pictures), rng, self.pictures)
        return self.with_picture(picture, rng.randrange(6), f"hostile-{rng.randrange(40)}")

    def with_picture(self, picture, how, item):
        if how == 0:
            body = json.dumps({"image": base64.b64encode(picture).decode()}).encode()
            return self.request("POST", "/v1/search", "application/json", body)
        path, parts = [("/v1/search", {"image": picture}), ("/v1/encode", {"image": ("a.jpg", picture)}),
                       (f"/v1/items/{item}", {"item": '{"text": "words"}', "image": ("a.svg", picture)}),
                       ("/v1/items:batch", {"items": json.dumps({"items": [{"id": item, "image": {"part": "a"}}]}),
                                            "a": picture}),
                       ("/v1/feedback", {"feedback": '{"id": "red-circle-1", "right": false}', "image": picture})][how - 1]
        body, content_type = harness.multipart(**parts)
        return self.request("PUT" if how == 3 else "POST", path, content_type, body)

    def damaged_json(self, rng):
        method, path, body = rng.choice(self.bodies(rng))
        return self.request(method, path, "application/json", text_of(damaged_json(body, rng), rng))

    def damaged_multipart(self, rng):
        name, path, method = rng.choice((("query", "/v1/search", "POST"), ("query", "/v1/encode", "POST"), ("feedback", "/v1/feedback", "POST"),
                                         ("item", "/v1/items/hostile-1", "PUT"), ("items", "/v1/items:batch", "POST")))
        body = [each for _, where, each in self.bodies(rng) if where.split("/")[2:3] == path.split("/")[2:3]]
        parts = {name: json.dumps(rng.choice(body) if body else {})}
        if rng.random() < 0.7:
            parts["image"] = ("a.png", rng.choice(self.pictures))
        data, content_type = harness.multipart(**parts)
        boundary = content_type.split("=")[1]
        pieces = [b"--" + boundary.encode(), b"\r\n", b"--" + boundary.encode() + b"--\r\n", b"\r\n\r\n",
                  b'name="image"', b"Content-Disposition: form-data; name=", b'filename*=UTF-8\'\'%ff; name="query"', b"\0", b'"\\"',
                  b"Content-Transfer-Encoding: base64\r\n", b"--" + boundary.encode() + b"\r\n" * 300]
        lines = bytearray(data)
        for _ in range(rng.randint(0, 3)):  # near the words that a reader looks at
            at = rng.choice([match.start() for match in re.finditer(rb"--|\r\n|name|form|;|=|\"|:", lines)] or [0])
            lines[at:at + rng.choice((0, 1, 2, 30))] = rng.choice(pieces)
        data = bytes(lines) if rng.random() < 0.6 else damaged(bytes(lines), rng, pieces)
        if rng.random() < 0.3:
            content_type = rng.choice((content_type[:-1], "multipart/form-data", "multipart/form-data; boundary=",
                                       "multipart/form-data; boundary=" + "b" * 71, content_type + ", text/plain",
                                       'multipart/form-data; boundary="', "multipart/form-data;boundary=\"a b\"",
                                       "multipart/mixed; boundary=" + boundary, "application/json; charset=utf-7"))
        return self.request(method, path, content_type, data)

    def damaged_head(self, rng):
        method, path, body = rng.choice(self.bodies(rng))
        body = json.dumps(body).encode()
        if rng.random() < 0.3:  # in chunks, as good as before
            size = rng.choice((1000, 40000))
            pieces = [body[i:i + size] for i in range(0, len(body), size)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            body += b"0\r\n\r\n"
            whole = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n").encode() + body
        else:
            whole = self.request(method, path, "application/json", body)
        head, _, body = whole.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        odd = [b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: +5", b"Content-Length: 0x10",
               b"Content-Length: 5, 5", b"Content-Length: 99999999999999999999",
               b"Content-Length: 18446744073709551615", b"Content-Length:", b"Transfer-Encoding: chunked",
               b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\x0bchunked",
               b"Host: elsewhere.example", b"Host:", b"Expect: 100-continue", b"Expect: all", b"Connection: close",
               b"Connection: upgrade", b"Upgrade: h2c", b"X-Request-Id: " + b"a" * 200, b"X: \0", b"X\0: a",
               b" folded", b"\tfolded", b": no name", b"no colon", b"X: " + b"a" * 9000, b"X: a\nY: b", b"X: a\rY: b",
               b"Authorization: Bearer", b"Authorization: Bearer " + b"\xff" * 40,
               b"Cookie: warifu_session=" + b"a" * 4000, b"Content-Type: text/plain", b"Content-Encoding: gzip",
               b"Range: bytes=0-", b"Sec-Fetch-Site: cross-site"]
        targets = [b"*", b"", b"/", b"//", b"/v1/search?" + b"a=b&" * 100, b"/v1/items/%00", b"/v1/items/%ff",
                   b"/v1/items/%2e%2e/a", b"/v1/../etc/passwd", b"http://127.0.0.1/v1/search", b"http://",
                   b"127.0.0.1:80", b"/v1/items/" + b"a" * 9000, b"/v1/items/a b",
                   b"/v1/items/" + b"%F0%9F%98%80" * 60, b"/v1/search#x", b"/v1/items?limit=99999999999999999999",
                   b"/v1/items/red-star-1/thumbnail?w=-1", b"/v1/items?cursor=" + b"A" * 5000,
                   b"/v1/count?filter=%3D", b"/%"]
        for _ in range(rng.choice((1, 1, 2, 3))):
            kind = rng.randrange(3, 10) if rng.random() < 0.6 else 0
            if kind == 0:
                lines.insert(rng.randint(1, len(lines)), rng.choice(odd))
            elif kind <= 6:
                words = lines[0].split(b" ")
                words[min(1, len(words) - 1)] = rng.choice(targets)
                lines[0] = b" ".join(words)
            elif kind == 7:
                lines[0] = lines[0].replace(b"HTTP/1.1", rng.choice((b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1.", b"http/1.1",
                                                                     b"", b"HTTP/1.1 x")))
            elif kind == 8 and len(lines) > 1:
                del lines[rng.randrange(len(lines))]
            else:
                first = lines[0].split(b" ")
                first[0] = rng.choice((b"GET", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"post", b"PO ST", b"P\0ST", b"A" * 5000))
                lines[0] = b" ".join(first)
        end = rng.choice((b"\r\n\r\n",) * 6 + (b"\n\n", b"\r\n", b"\r\n\r\n\r\n", b""))
        whole = rng.choice((b"\r\n",) * 9 + (b"\n",)).join(lines) + end + body
        if rng.random() < 0.25:
            size = len(whole) - len(body)
            whole = damaged(whole[:size], rng, odd, 2) + whole[size:]
        if rng.random() < 0.1:
            whole = damaged(whole, rng, odd, 2)
        return whole

    def of_round(self, number):
        rng = random.Random(f"{self.seed}:{number}")
        make = rng.choices((self.damaged_picture, self.damaged_json, self.damaged_multipart, self.damaged_head), (4, 2, 2, 2))[0]
        return make.__name__, make(rng)


# ---- answers ----


def answers_in(received):
    """What a server said on one connection: statuses, headers and bodies, one after another."""
    at = 0
    while at < len(received):
        head, found, _ = received[at:].partition(b"\r\n\r\n")
        assert found and head.startswith(b"HTTP/1."), f"not an answer: {received[at:at + 300]!r}"
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        at += len(head) + 4
        length = int(headers.get("content-length", 0)) if status not in (100, 204, 304) else 0
        body = received[at:at + length]
        assert len(body) == length, f"the answer ends early: {received[-300:]!r}"
        at += length
        if status != 100:
            yield status, headers, body


def exchange(server, request):
    """Sends it, says that nothing follows, and reads until the server has nothing more to say."""
    received = bytearray()
    with server.socket(timeout=SECONDS) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already, and does not want the rest
        while True:
            try:
                more = connection.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                return bytes(received)
            received += more


def check(name, request, received):
    statuses = []
    for status, headers, body in answers_in(received):
        statuses.append(status)
        what = f"{status} {body[:300]!r}"
        well = 200 <= status < 300 or status == 302 or 400 <= status < 500
        if status == 503:
            well = int(headers.get("retry-after", 0)) >= 1
        if name == "damaged_head" and status in (501, 505):  # of HTTP that is not spoken here
            well = True
        assert well, what
        assert headers.get("x-request-id"), what
        if status >= 400:
            problem = json.loads(body)
            assert headers["content-type"] == "application/problem+json" and problem["status"] == status, what
            assert problem["instance"] == headers["x-request-id"] and problem["detail"], what
        if status == 207:
            for result in json.loads(body)["results"]:
                assert result["status"] in (200, 201, 400, 403, 404, 409, 413, 422), what
    assert statuses or not request.strip(b"\r\n"), "no answer"
    return statuses


class Hostile:
    def __init__(self, server):
        self.server = server
        self.counts = collections.defaultdict(collections.Counter)
        self.failures = []

    def ask(self, name, label, request):
        try:
            try:
                received = exchange(self.server, request)
            except TimeoutError:  # of this request, or of a machine that is busy with others?
                received = exchange(self.server, request)
            for status in check(name, request, received):
                self.counts[name][status] += 1
            return received
        except Exception as error:
            file = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"warifu-hostile-{label}.bin")
            with open(file, "wb") as out:
                out.write(request)
            self.failures.append(f"{name} {label} ({file}): {type(error).__name__} {error}")
            return b""


def survive(options):
    folder = harness.fresh_folder()
    try:
        workspace = harness.make_workspace(folder)
        with harness.Server(workspace, "--max-upload-mib", "4", "--decoders", str(AT_ONCE)) as server:
            webp = server.ask("GET", "/v1/items/green-star-1/thumbnail?w=64").body
            pictures = [harness.picture(), harness.picture("green-star-2.jpg"), webp, gif(), tiff(False), tiff(True), png(), SVG]
            for each in pictures:  # else damaged ones would say little
                assert server.ask("POST", "/v1/encode", harness.multipart(image=each)).status == 200, each[:40]
            requests = Requests(options.seed, pictures)
            hostile = Hostile(server)
            if options.only is None:
                for number, (name, picture) in enumerate(tricks().items()):
                    request = requests.with_picture(picture, number % 6, "trick")
                    received = hostile.ask("trick", f"trick-{number}", request)
                    assert b"root:" not in received, f"{name} shows a file of the server"

            def one_round(number):
                name, request = requests.of_round(number)
                hostile.ask(name, number, request)

            numbers = range(options.rounds) if options.only is None else [options.only]
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(one_round, numbers))
            for name, counts in sorted(hostile.counts.items()):
                print(f"{name}: " + ", ".join(f"{count} x {status}" for status, count in sorted(counts.items())))
            assert server.process.poll() is None, f"the server ended: {server.errors()}"
            ready = server.ask("GET", "/readyz")
            assert ready.status == 200, ready
            assert server.search("red star", limit=200), "it finds nothing any more"
            assert not hostile.failures, f"{len(hostile.failures)} failures:\n" + "\n".join(hostile.failures[:20])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    survive(parser.parse_args())
