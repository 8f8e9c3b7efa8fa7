"""A model of Amazon Bedrock that is asked for objects: see tune_or_retrieve.chat.engine for what the function is."""

import contextlib
from collections.abc import Iterator

from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.structured import Asks
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.chat.converse import Converse
from tune_or_retrieve.providers.bedrock.chat.params import ConverseParams


@contextlib.contextmanager
def asker(params: ConverseParams, options: Options, run: RunParams) -> Iterator[Asks]:
    yield Converse(params, options, clients(params.region))
