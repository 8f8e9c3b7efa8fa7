"""Batch inference at half price: calls that wait for no one, as one job over JSONL in S3, read back into the store.

A job only fills the store. Who needs the replies asks afterwards as ever, and what is not there is asked singly.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.providers.bedrock.aws.faults import aws, hidden, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import ROOT, objects, put, read_jsonl, split
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.chat.batch_jobs import Batch, ended, place
from tune_or_retrieve.providers.bedrock.chat.converse import Converse, ConverseReply
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams

if TYPE_CHECKING:
    from tune_or_retrieve.money.spending import Spending

FEWEST, MOST = 100, 50_000  # records of one job: AWS's default quotas
DEPLOYED = (":custom-model-deployment/", ":provisioned-model/", ":custom-model/")
FILE = "calls.jsonl"
Messages = Sequence[dict[str, str]]


class Filled(NamedTuple):
    """What a job brought. Calls that are neither stored nor failed were left to be asked singly."""

    stored: int = 0
    failed: int = 0  # records that AWS gave an error or nothing readable for: they are asked singly, too


def fill(
    clients: Clients,
    params: BatchParams,
    options: Options,
    schema: type[BaseModel],
    calls: Mapping[str, Messages],
    store: CallStore,
    stage: str,
    watch: Watch | None = None,
    spending: "Spending | None" = None,
) -> Filled:
    """Put replies into the store by one batch job: found again after a crash, submitted once, waited for.

    Args:
        calls: messages by the key under which the reply is stored. Those that are stored already are left out.
        stage: for names and tags.
        spending: asked before a job is submitted, and told once of all the replies that a job brought.

    Raises:
        StageError: the job does not fit into the budget; it failed, was stopped or expired (what it brought is
            stored); or AWS refuses.
    """
    watch = watch or Watch()
    pending = {key: calls[key] for key in sorted(calls) if store.get(key) is None}
    if reason := _singly(params, len(pending)):
        if pending:
            watch.say(f"{stage}: no batch job, as {reason}: asked singly, at the full price")
        return Filled()
    if len(pending) > MOST:
        watch.say(f"{stage}: a batch job takes {MOST} calls at most; the other {len(pending) - MOST} are asked singly")
        pending = dict(list(pending.items())[:MOST])
    prompts = list(pending.values())
    # Names that follow from the keys' order: with the same calls pending, a rerun makes the same file.
    names = {f"CALL{number:07}": key for number, key in enumerate(pending, start=1)}
    player = _Player(clients)
    model = Converse(params, options, player)
    records = [
        {"recordId": name, "modelInput": player.request(model, prompt, schema)}
        for name, prompt in zip(names, prompts, strict=True)
    ]
    data = "".join(json.dumps(record) + "\n" for record in records).encode("ascii")
    batch = Batch(stage, params.model, content_key("batch", params.model, clients.region, data.decode()), params.retry)
    folder = f"{ROOT}batch/{batch.name(1)}/"

    def check() -> None:
        if spending is not None:
            spending.check_batch(prompts, options.max_tokens)

    def begun(job: str) -> None:
        if spending is not None:
            spending.promised_batch(prompts, options.max_tokens, job)

    bucket, role = place(clients, params.bucket, params.role_arn, params.model, {})
    source, target = put(clients, bucket, f"{folder}in/{FILE}", data), f"s3://{bucket}/{folder}out/"
    job = ended(clients, batch, role, source, target, watch, check, begun)
    replies, faults = {}, []
    for line in _lines(clients, f"{target}{job.arn.rsplit('/', 1)[-1]}/{FILE}.out"):
        key = names.get(line.get("recordId"))
        if key is None:
            faults.append(f"a record {line.get('recordId')!r} that was not sent")
            continue
        try:
            replies[key] = player.reply(model, line, schema)
        except StageError as fault:
            faults.append(str(fault))
    if spending is not None:  # before they are stored, and once a job: after a crash between the two it is found again
        spending.paid_batch(list(replies.values()), job.arn)
    # Together: a crash between two of them would leave other calls pending, and so another job to pay for.
    store.put_all({key: reply.model_dump() for key, reply in replies.items()})
    why = f" (the first: {faults[0]})" if faults else ""
    missing = len(names) - len(replies) - len(faults)
    watch.say(
        f"{stage}: the batch job {job.name} {job.status}: {len(replies)} of {len(names)} calls answered, "
        f"{len(faults)} failed{why}, {missing} without an answer"
    )
    if job.reason:
        raise StageError(
            f"{stage}: the batch job {job.name} {job.reason}. {len(replies)} of its {len(names)} calls were answered "
            f"and are kept. Mend the cause and run again; to pay for another job of the same calls set `retry: "
            f"{job.attempt}`, or switch batch off: the rest is asked singly then."
        )
    return Filled(len(replies), len(names) - len(replies))


def _singly(params: BatchParams, number: int) -> str | None:
    """Why there can be no job, or None."""
    if any(kind in params.model for kind in DEPLOYED):
        return f"a batch job takes no customised model ({params.model})"
    if number < FEWEST:
        return f"{number} calls are fewer than the {FEWEST} that one takes at least"
    return None


def _lines(clients: Clients, uri: str) -> list[dict[str, Any]]:
    bucket, key = split(uri)
    found = any(name == key for name, _ in objects(clients, bucket, key))
    return read_jsonl(clients, uri) if found else []  # a job that failed at its start wrote none


class _Asked(Exception):
    """What would have been sent."""

    def __init__(self, request: dict[str, Any]):
        super().__init__()
        self.request = request


class _Player:
    """Stands before a Converse in place of its clients: takes requests down, and plays answers that are there.

    So that a batch's requests and replies are made by the very code that makes those of single calls.
    """

    def __init__(self, clients: Clients):
        self.bedrock, self.region = clients.bedrock, clients.region
        self.bedrock_runtime = self
        self.meta = clients.bedrock_runtime.meta
        self._answer: dict[str, Any] | None = None

    def converse(self, **request: Any) -> dict[str, Any]:
        if self._answer is None:
            raise _Asked(request)
        return self._answer

    def request(self, model: Converse, messages: Messages, schema: type[BaseModel]) -> dict[str, Any]:
        """The body of a call, which is the record of a job of the type Converse; the model stands in the job."""
        self._answer = None
        try:
            model.ask(messages, schema)
        except _Asked as asked:
            return {name: value for name, value in asked.request.items() if name != "modelId"}
        raise AssertionError("unreachable")

    def reply(self, model: Converse, line: Mapping[str, Any], schema: type[BaseModel]) -> ConverseReply:
        """Raises StageError if it is an error, or no whole answer."""
        if "error" in line:
            raise StageError(hidden(str(line["error"].get("errorMessage", line["error"]))))
        with aws("reading a record of a batch job"):
            # A batch has no latency of single calls, and nothing of one is measured.
            self._answer = {"metrics": {"latencyMs": 0}} | member(line, "modelOutput") | {"ResponseMetadata": {}}
        return model.ask([{"role": "user", "content": "-"}], schema)
