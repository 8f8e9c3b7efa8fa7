"""An OpenAI-compatible server on loopback that remembers its requests and fails as told."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DROP = "drop"  # close the connection without a reply
DIE = "die"  # the same, and listen no more
STALL = "stall"  # say nothing for longer than the client waits


def completion(text: str = "Fine.", stop: str = "stop") -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": stop, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


class FakeOpenAI:
    """`script` is what the next requests get: DROP, DIE, STALL, a status code, a body (bytes, JSON), or status code,
    body and headers; then completions. A function gets each request's body and path and returns one of these.
    """

    def __init__(self) -> None:
        self.script: list[Any] | Callable[[dict[str, Any], str], Any] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.port = 0


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[FakeOpenAI]:
    fake = FakeOpenAI()
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append(body)
            fake.headers.append({name.lower(): value for name, value in self.headers.items()})
            if callable(fake.script):
                step = fake.script(body, self.path)
            else:
                step = fake.script.pop(0) if fake.script else completion()
            if step == STALL:
                released.wait(10)
            if step == DIE:
                server.shutdown()
                server.server_close()
            if step in (DROP, STALL, DIE):
                self.close_connection = True
                return
            if isinstance(step, int):
                step = (step, {"error": {"message": f"made to fail with {step}"}}, {})
            status, reply, headers = step if isinstance(step, tuple) else (200, step, {})
            payload = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.port = server.server_port
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield fake
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()
        time.sleep(0)
