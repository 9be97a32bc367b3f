"""Looking for words that must not be where they are looked for, in whatever form they were written down."""

import base64
import json
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


def forms(word):
    """The word as text, hex, base64 at each of its three offsets, escaped and quoted."""
    raw = word.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), raw[::-1]}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        first = (0, 2, 3)[offset]  # letters that also hold bits of what stands before
        found.add(encoded[first : len(encoded) // 4 * 4 - 4])
    found.add(json.dumps(word)[1:-1].encode())
    found.add(urllib.parse.quote(word, safe="").encode())
    found.add("".join(f"\\u{ord(letter):04x}" for letter in word).encode())
    found.add(word.encode("utf-16-le"))
    return {form for form in found if len(form) > 6}


def traces_of(words, haystacks):
    """(place, word) for each word that stands somewhere in these bytes by place."""
    looked_for = {word: forms(word) for word in words}
    return [
        (place, word)
        for place, hay in haystacks.items()
        for word, its_forms in looked_for.items()
        if any(form in hay for form in its_forms)
    ]


def database_texts(product):
    """Every row of every table as PostgreSQL writes it, bytes in hex; by the table's name."""
    tables = product.rows(
        """SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
    )
    texts = {}
    for table in tables:
        rows = product.rows(f"SELECT t::text AS row FROM {table['name']} t")
        texts[f"table {table['name']}"] = "\n".join(row["row"] for row in rows).encode()
    return texts


def broker_texts(product):
    """What the broker holds, and its append-only file: every write since its start."""
    texts = {f"file {path.name}": path.read_bytes() for path in product.redis.folder.rglob("*") if path.is_file()}
    with product.broker() as broker:
        texts |= {f"key {key.decode()}": broker.dump(key) or b"" for key in broker.scan_iter()}
    return texts


class Ear:
    """A server that takes whatever is posted to it."""

    def __init__(self):
        self.heard = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                heard.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
