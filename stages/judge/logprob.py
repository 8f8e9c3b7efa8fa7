"""Scoring by log-probabilities: the expected value of a model's one-digit grade, as in G-Eval.

Liu et al., G-Eval: NLG Evaluation using GPT-4 with Better Human Alignment (arXiv:2303.16634), equation 1. A digit is
one token, and 10 often is not: so the model grades from 0 to 9, and the score is scaled to 0 to 10.
"""

import math
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

from stages.judge.llm import LlmJudge
from stages.judge.verdict import Verdict, band
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.objects import Unreadable
from tune_or_retrieve.chat.replies import Prompt
from tune_or_retrieve.chat.structured import MOST_LOGPROBS, ShapedChat, ShapedReply, TokenReply

DIGITS = {str(digit): digit for digit in range(10)}
MAX_TOKENS = 4  # of a reply: the digit, and what some models put before it
# What may stand around the digit: marks and a label; then the end, its token, or another line. So "1. The" is no grade.
BEFORE = re.compile(r"[\s*`\"'(\[]*(?:(?:grade|score)[\s*:=]*)?", re.IGNORECASE)
AFTER = re.compile(r"[\s*.`\"')\]]*(?:\n.*|<.*)?", re.DOTALL)
LEAST_MASS = 0.5  # of the digits: with less, the model was about to write something else


class LogprobJudge(LlmJudge):
    """See :class:`stages.judge.llm.LlmJudge`. Its verdicts have an overall score and no other."""

    prompt_file: ClassVar[Path] = Path(__file__).with_name("logprob_prompt.txt")
    schema = None
    remedy: ClassVar[str] = (
        "Take a model that answers by a digit and does not think first, or set judges.{name}.scoring to points."
    )

    def __init__(self, model: ShapedChat, *arguments: Any, **more: Any):
        super().__init__(_TokenAsks(model), *arguments, **more)

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]:
        try:
            return super().score(question, reference, answers)
        except StageError as fault:
            refused = re.search(r"log.?prob", str(fault), re.IGNORECASE)  # by the server
            if refused and self._needs not in str(fault):
                fault.add_note(self._needs)
            raise

    def read(self, reply: ShapedReply) -> Verdict:
        """Raises Unreadable, or StageError if the server gives no log-probabilities."""
        assert isinstance(reply, TokenReply)
        if not reply.tokens:
            raise StageError(f"judge {self.name}: the server gives no log-probabilities (logprobs). {self._needs}")
        score, spread = expected(reply)
        return Verdict(
            overall=band(score),
            comment=f"mean of its grades by their probability, scaled to 10; standard deviation {spread:.1f}",
        )

    @property
    def _needs(self) -> str:
        return (
            f"judges.{self.name}.scoring: logprob needs a server that does. Set it to points, or take another server."
        )


class _TokenAsks:
    """:class:`tune_or_retrieve.chat.structured.Asks` whose replies have log-probabilities."""

    reply_class = TokenReply

    def __init__(self, model: ShapedChat):
        self._model = model
        self.identity = model.identity | {"top_logprobs": MOST_LOGPROBS}

    def ask(self, messages: Prompt, schema: None = None) -> TokenReply:
        return self._model.ask_tokens(messages)


def expected(reply: TokenReply) -> tuple[float, float]:
    """The expected score, 0 to 10, over the digits that could stand in the place of the reply's, and its deviation.

    Raises:
        Unreadable: the reply has no digit or a number of several, or the digits are less likely than LEAST_MASS.
    """
    tokens = reply.tokens or []
    at = next((n for n, token in enumerate(tokens) if token.token.strip() in DIGITS), None)
    before, after = ("".join(token.token for token in part) for part in (tokens[:at], tokens[(at or 0) + 1 :]))
    if at is None or not BEFORE.fullmatch(before) or not AFTER.fullmatch(after):
        raise Unreadable("the reply is not one digit")
    likely: defaultdict[int, float] = defaultdict(float)
    for one in tokens[at].top_logprobs:
        if one.token.strip() in DIGITS:  # " 7" and "7" are two tokens
            likely[DIGITS[one.token.strip()]] += math.exp(one.logprob)
    mass = math.fsum(likely.values())
    if not mass >= LEAST_MASS:  # NaN, too
        raise Unreadable(f"the model gives digits a probability of {mass:.2f}, less than {LEAST_MASS:g}")
    mean = math.fsum(digit * p for digit, p in likely.items()) / mass
    deviation = math.sqrt(math.fsum((digit - mean) ** 2 * p for digit, p in likely.items()) / mass)
    scale = 10 / max(DIGITS.values())
    return mean * scale, deviation * scale
