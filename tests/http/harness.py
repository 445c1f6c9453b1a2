"""What the HTTP tests stand on: a small workspace, a server on it, and a client. Standard library only.

Environment: WARIFU the program, DATA the folder of drawn fixtures (see tests/CMakeLists.txt).
"""
import http.client, json, os, shutil, signal, socket, ssl, subprocess, sys, tempfile, time, urllib.parse

WARIFU = os.environ.get("WARIFU", "build/release/bin/warifu")
DATA = os.environ.get("DATA", "build/release/tests/fixtures")


def run(workspace, *arguments, check=True):
    """One command on the workspace; its standard output."""
    done = subprocess.run([WARIFU, "--workspace", workspace, *arguments], capture_output=True, text=True)
    if check and done.returncode not in (0, 1):
        raise AssertionError(f"warifu {' '.join(arguments)}: status {done.returncode}\n{done.stderr}")
    return done


def fresh_folder():
    return tempfile.mkdtemp(prefix="warifu-http-")


def make_workspace(folder, name="ws"):
    """Sixty drawn pictures with texts, a trained space of 16 bits, all of it indexed."""
    workspace = os.path.join(folder, name)
    run(workspace, "ingest", os.path.join(DATA, "pairs.jsonl"), "--splits", os.path.join(DATA, "splits"))
    run(workspace, "train", "--method", "cca-itq", "--bits", "8,16", "--image-encoder", "classic", "--text-encoder", "bow")
    run(workspace, "index")
    return workspace


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Server:
    """`warifu serve` on a free port, from its "serving" line to stop() or kill()."""

    def __init__(self, workspace, *flags, key=None, wait=True, environment=None, port=0):
        self.workspace, self.key = workspace, key
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [WARIFU, "--workspace", workspace, "serve", "--port", str(port), "--output", "jsonl", *flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, **(environment or {})})
        if not wait:
            return
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.errors()}")
        self.url = json.loads(line)["url"]
        self.host, self.port = urllib.parse.urlsplit(self.url).hostname, urllib.parse.urlsplit(self.url).port

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def connect(self, timeout=60):
        if self.url.startswith("https:"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method, path, body=None, key=None, headers=None, connection=None):
        """body: a dict becomes JSON; bytes go as they are; multipart() gives both body and type."""
        headers = dict(headers or {})
        key = self.key if key is None else key
        if key:
            headers["Authorization"] = "Bearer " + key
        if isinstance(body, tuple):
            body, headers["Content-Type"] = body
        elif body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if own:
                connection.close()

    def socket(self, bytes_to_send=b"", timeout=60):
        """For requests that no well-behaved client sends."""
        connection = socket.create_connection((self.host, self.port), timeout=timeout)
        connection.sendall(bytes_to_send)
        return connection

    def search(self, text, **more):
        answer = self.ask("POST", "/v1/search", {"text": text, **more})
        assert answer.status == 200, answer
        return [hit["id"] for hit in answer.json()["hits"]]

    def stop(self):
        """Asks it to end, as systemd does; it must end with status 0 and without a word of a sanitizer."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the server did not end within a minute")
        errors = self.errors()
        assert self.process.returncode == 0, f"status {self.process.returncode}\n{errors}"
        assert "Sanitizer" not in errors and "runtime error" not in errors, errors

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process.poll() is None:
            self.kill()


def read_answer(connection, method="GET"):
    """One answer from a socket on which a request was sent by hand."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


def multipart(**parts):
    """name=bytes, name=str, or name=(file name, bytes): the body and its Content-Type."""
    boundary = "warifu-test-boundary-7d1a"
    body = b""
    for name, value in parts.items():
        filename = ""
        if isinstance(value, tuple):
            filename, value = f'; filename="{value[0]}"', value[1]
        if isinstance(value, str):
            value = value.encode()
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n').encode()
        body += value + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def quoted(text):
    return urllib.parse.quote(text, safe="")


def picture(name="green-star-1.png"):
    with open(os.path.join(DATA, "pictures", name), "rb") as file:
        return file.read()


def make_key(workspace, user, scopes, groups=None):
    """Adds the user if need be; the key."""
    listed = json.loads(run(workspace, "users", "list", "--output", "json").stdout or "{}")
    names = [one["name"] for one in listed.get("users", [])]
    if user not in names:
        run(workspace, "users", "add", user, *(["--groups", ",".join(groups)] if groups else []))
    made = run(workspace, "keys", "create", "--user", user, "--scopes", ",".join(scopes), "--output", "json")
    return json.loads(made.stdout)["key"]


def until(condition, seconds=30, what="it"):
    end = time.time() + seconds
    while time.time() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def main(tests):
    """Runs the functions whose names are given (all without), each with a line; status 1 if one fails."""
    import traceback
    wanted = sys.argv[1:]
    failed = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        started = time.time()
        folder = fresh_folder()
        try:
            test(folder)
            print(f"ok    {test.__name__} ({time.time() - started:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {test.__name__}\n{traceback.format_exc()}", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)
