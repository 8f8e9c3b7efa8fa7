"""Batch inference at half price: calls that can wait, made by one job over JSONL in S3, their replies in the store.

A job only fills the store. Whoever needs the replies then asks as always, and what is not there is asked singly.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, hidden, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.chat.batch_jobs import Batch, BatchJobs
from tune_or_retrieve.providers.bedrock.chat.converse import Converse, ConverseReply
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams

if TYPE_CHECKING:
    from tune_or_retrieve.money.spending import Spending

FEWEST, MOST = 100, 50_000  # records of one job: AWS's default quotas
DEPLOYED = (":custom-model-deployment/", ":provisioned-model/", ":custom-model/")
Messages = Sequence[dict[str, str]]


def fill(
    clients: Clients,
    params: BatchParams,
    options: Options,
    schema: type[BaseModel],
    calls: Mapping[str, Messages],
    store: CallStore,
    stage: str,
    watch: Watch | None,
    spending: "Spending",
) -> None:
    """Put replies into the store by one batch job: found again after a crash, submitted once, waited for.

    Args:
        calls: messages by the key under which the reply is stored. Those that are stored already are left out.
        stage: for names and tags.
        spending: checked before a job is submitted, and charged once for all the replies of a job.

    Raises:
        StageError: the job does not fit into the budget; it failed, was stopped or expired (what it brought is
            stored); or AWS refuses.
    """
    watch = watch or Watch()
    pending = {key: calls[key] for key in sorted(calls) if store.get(key) is None}
    if reason := _singly(params, len(pending)):
        if pending:
            watch.say(f"{stage}: no batch job, as {reason}: asked singly, at the full price")
        return
    if len(pending) > MOST:
        watch.say(f"{stage}: a batch job takes {MOST} calls at most; the other {len(pending) - MOST} are asked singly")
        pending = dict(list(pending.items())[:MOST])
    prompts = list(pending.values())
    # Names that follow from the order of the keys: with the same calls pending, a rerun makes the same file.
    names = {f"CALL{number:07}": key for number, key in enumerate(pending, start=1)}
    player = _Player(clients)
    model = Converse(params, options, player)
    records = [
        {"recordId": name, "modelInput": player.request(model, prompt, schema)}
        for name, prompt in zip(names, prompts, strict=True)
    ]
    jobs = BatchJobs(
        clients,
        Batch(stage, params, "".join(json.dumps(record) + "\n" for record in records).encode("ascii")),
        check=lambda: spending.check_batch(prompts, options.max_tokens),
        paid=lambda job_arn: spending.promised_batch(prompts, options.max_tokens, job_arn),
        watch=watch,
    )
    job, lines, failure = jobs.run()
    replies, faults = {}, []
    for line in lines:
        key = names.get(line.get("recordId"))
        if key is None:
            faults.append(f"a record {line.get('recordId')!r} that was not sent")
            continue
        try:
            replies[key] = player.reply(model, line, schema)
        except StageError as fault:
            faults.append(str(fault))
    # Before they are stored, and once for each job: after a crash between the two it is found again.
    spending.paid_batch(list(replies.values()), job.id)
    # Together: a crash between two of them would leave other calls pending, and so another job to pay for.
    store.put_all({key: reply.model_dump() for key, reply in replies.items()})
    why = f" (the first: {faults[0]})" if faults else ""
    missing = len(names) - len(replies) - len(faults)
    watch.say(
        f"{stage}: the batch job {job.name} {job.status}: {len(replies)} of {len(names)} calls answered, "
        f"{len(faults)} failed{why}, {missing} without an answer"
    )
    if failure:
        raise jobs.fault(job, failure)


def _singly(params: BatchParams, number: int) -> str | None:
    """Why there can be no job, or None."""
    if any(kind in params.model for kind in DEPLOYED):
        return f"a batch job takes no customised model ({params.model})"
    if number < FEWEST:
        return f"{number} calls are fewer than the {FEWEST} that one takes at least"
    return None


class _Asked(Exception):
    """What would have been sent."""

    def __init__(self, request: dict[str, Any]):
        super().__init__()
        self.request = request


class _Player:
    """Stands in for the clients of a Converse: records requests, and plays back answers.

    So a batch's requests and replies are made by the same code as those of single calls.
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
        """The body of a call, which is a record of a job of type Converse; the job names the model."""
        self._answer = None
        try:
            model.ask(messages, schema)
        except _Asked as asked:
            return {name: value for name, value in asked.request.items() if name != "modelId"}
        raise AssertionError("unreachable")

    def reply(self, model: Converse, line: Mapping[str, Any], schema: type[BaseModel]) -> ConverseReply:
        """Raises StageError if the line is an error, or not a whole answer."""
        if "error" in line:
            raise StageError(hidden(str(line["error"].get("errorMessage", line["error"]))))
        with aws("reading a record of a batch job"):
            # A batch has no latency of single calls, and nothing of one is measured.
            self._answer = {"metrics": {"latencyMs": 0}} | member(line, "modelOutput") | {"ResponseMetadata": {}}
        return model.ask([{"role": "user", "content": "-"}], schema)
