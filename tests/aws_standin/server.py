"""One HTTP server for the whole account: five services played here, everything else by moto's own application."""

import json
import re
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.datastructures import EnvironHeaders
from werkzeug.serving import make_server

from . import price_list, quotas, wire
from .account import Account
from .errors import Answer, AwsError, conflict, invalid, json_error, rest_json_error, xml_error
from .faults import DROP, LOSE, REFUSE, STALL, Fault, Faults
from .ledger import Entry, Ledger
from .state import HANDLERS, Settings, State

JSON_SERVICES = {"servicequotas": quotas, "pricing": price_list}  # by the name that requests are signed with
LONGEST_STALL = 30.0  # seconds; ended sooner when the stand-in closes
SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")


class _Handler(MotoRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        self.close_connection = True  # or it would wait for the next request on the connection that a fault lost


class Server:
    """A WSGI application and the thread that serves it on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.account, self.settings = Account(), Settings()
        self.ledger, self.faults = Ledger(), Faults()
        self.states: dict[str, State] = {}
        self.crashes: list[str] = []  # faults of the stand-in itself: the fixture fails the test for them
        self.latency = 0.0  # seconds before each answer of Converse
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="aws-standin", daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def state(self, region: str) -> State:
        with self._lock:
            if region not in self.states:
                self.states[region] = State(region, self.account, self.settings, self.ledger)
            return self.states[region]

    # WSGI

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        region, signed_for = scope.groups() if scope else ("us-east-1", "")
        if signed_for in wire.SERVICES:
            return self._play(environ, start_response, region, signed_for)
        if signed_for in JSON_SERVICES:
            return self._list(JSON_SERVICES[signed_for], environ, start_response)
        return self._pass_on(environ, start_response, signed_for)

    def _play(
        self, environ: dict[str, Any], start: Callable[..., Any], region: str, signed_for: str
    ) -> Iterable[bytes]:
        raw_path, _, query = environ["RAW_URI"].partition("?")
        found = wire.find(signed_for, environ["REQUEST_METHOD"], raw_path)
        if found is None:
            error = AwsError("UnknownOperationException", f"No operation {environ['REQUEST_METHOD']} {raw_path}")
            return _send(start, rest_json_error(error, None))
        route, path = found
        entry = Entry(route.service.service_name, route.operation.name)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.ledger.begin(entry)
        try:
            fault = self._strike(entry)
            if entry.operation == "Converse" and self.latency:
                self._closing.wait(self.latency)
            try:
                entry.params = wire.parse(route.operation, path, query, EnvironHeaders(environ), body)
                if fault and fault.action not in (LOSE, DROP, STALL):
                    raise _told(fault)
                reply = self._handle(route, entry, region)
            except AwsError as error:
                entry.error = error.code
                reply = rest_json_error(error, route.service)
            entry.status = reply[0]
            return self._deliver(start, reply, fault)
        finally:
            self.ledger.end(entry)

    def _strike(self, entry: Entry) -> Fault | None:
        fault = self.faults.strike(entry.service, entry.operation)
        if fault:
            entry.fault = fault.action
            if fault.action == REFUSE:
                raise ConnectionResetError("refused, as told")
        return fault

    def _handle(self, route: wire.Route, entry: Entry, region: str) -> Answer:
        handler = HANDLERS.get((entry.service, entry.operation))
        try:
            with self._lock:
                if handler is None:
                    raise NotImplementedError(f"the stand-in does not play {entry.service} {entry.operation}")
                billed = len(self.ledger.bills)
                result, entry.replayed = _once(route, handler, self.state(region), entry.params)
                entry.bills = self.ledger.bills[billed:]
                return wire.answer(route.operation, result)
        except AwsError as error:
            allowed = {shape.name for shape in route.operation.error_shapes}
            if error.code not in allowed:
                self.crashes.append(f"{route.operation.name} cannot answer {error.code}: {error.message}")
            raise
        except Exception as error:
            self.crashes.append(traceback.format_exc())
            raise AwsError("StandinFault", f"The stand-in failed: {error!r}") from error

    def _deliver(self, start: Callable[..., Any], reply: Answer, fault: Fault | None) -> Iterable[bytes]:
        if fault and fault.action in (LOSE, STALL):
            self._closing.wait(LONGEST_STALL if fault.action == STALL else 0)
            raise ConnectionResetError("lost, as told")
        return _send(start, reply, cut=bool(fault and fault.action == DROP))

    def _list(self, service: Any, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Of a service that is one list. Its protocol is json, not rest-json: the operation is named in a header."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        entry = Entry(service.SERVICE, operation, json.loads(body))
        self.ledger.begin(entry)
        try:
            fault = self._strike(entry)
            try:
                if fault and fault.action not in (LOSE, DROP, STALL):
                    raise _told(fault)
                if operation != service.OPERATION:
                    raise AwsError("UnknownOperationException", f"The stand-in does not play {operation}.", 400)
                wire.check(entry.params, wire.json_operation(service.SERVICE, operation).input_shape)
                reply = service.listed(self.settings, entry.params)
            except AwsError as error:
                entry.error = error.code
                reply = json_error(error)
            entry.status = reply[0]
            return self._deliver(start, reply, fault)
        finally:
            self.ledger.end(entry)

    def _pass_on(self, environ: dict[str, Any], start: Callable[..., Any], service: str) -> Iterable[bytes]:
        """To moto. The body is read here only where the query protocol has the action in it."""
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        params: dict[str, Any] = {"path": environ["RAW_URI"]}
        operation = environ["REQUEST_METHOD"]
        if form:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = _Body(body)
            params = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            operation = params.get("Action", operation)
        entry = Entry(service, operation, params)
        self.ledger.begin(entry)
        try:
            fault = self._strike(entry)
            if fault and fault.action not in (LOSE, DROP, STALL):
                error = _told(fault)
                reply = xml_error(error, service)
                entry.status, entry.error = reply[0], error.code
                return _send(start, reply)
            answered: list[Any] = []
            chunks = b"".join(self._moto(environ, lambda *arguments: answered.append(arguments)))
            status, headers = answered[0][:2]
            entry.status = int(status.split()[0])
            if fault:
                return self._deliver(start, (entry.status, dict(headers), chunks), fault)
            start(status, headers)
            return [chunks]
        finally:
            self.ledger.end(entry)


class _Body:
    """A request's body that was read already, to be read again."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        size = len(self._data) if size is None or size < 0 else size
        part, self._data = self._data[:size], self._data[size:]
        return part


def _told(fault: Fault) -> AwsError:
    return AwsError(fault.action, fault.message or f"The stand-in was told to answer {fault.action}.", fault.status)


def _once(route: wire.Route, handler: Any, state: State, params: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Idempotency by client token: the same token and request get the first answer, while what it made is there.

    Returns the answer, and whether it is a replay.
    """
    members = route.operation.idempotent_members
    token = next((params[name] for name in members if name in params), None)
    key = (route.operation.name, token)
    if token and key in state.replays:
        before, result, made = state.replays[key]
        if made <= set(state.resources):
            if before != params:
                codes = {shape.name for shape in route.operation.error_shapes}
                refuse = conflict if "ConflictException" in codes else invalid
                raise refuse(f"The client token {token} was used before for another request.")
            return result, True
    there = set(state.resources)
    result = handler(state, params) or {}
    if token:
        state.replays[key] = params, result, set(state.resources) - there
    return result, False


def _send(start: Callable[..., Any], reply: Answer, cut: bool = False) -> Iterable[bytes]:
    status, headers, body = reply
    names = {name.lower() for name in headers}
    length = [] if "content-length" in names else [("Content-Length", str(len(body)))]
    start(f"{status} ", [*headers.items(), *length])
    return _cut(body) if cut else [body]


def _cut(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionResetError("dropped, as told")
