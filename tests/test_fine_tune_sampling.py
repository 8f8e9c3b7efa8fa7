"""The training mix: what stands in a context, and what of a sample is trained on."""

import random

import pytest

from stages.fine_tune.article_text import ArticleText
from stages.fine_tune.batches import bucket, labels, steps, tensors
from stages.fine_tune.encoding import Branch, Encoded, encode
from stages.fine_tune.params import RaftParams
from stages.fine_tune.sampling import Mix, Sample, Turn
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import Pair, Quote, Span
from tune_or_retrieve.chat.prompts import system_prompt

PLACES = ["Oslo", "Lima", "Bern", "Rome", "Kyiv", "Bonn"]


def article(number: int) -> ArticleText:
    lines = [f"# Depot {number}", "", "## Rules", ""]
    for place in PLACES:
        lines += [f"### {place}", "", f"The {place} gate of depot {number} opens at {number + 5} o'clock."]
        lines += [f"Its guard keeps {len(place) + number} keys for visitors who come late.", ""]
    return ArticleText(f"depots/{number}", f"Depot {number}", "\n".join(lines))


ARTICLES = {text.article_id: text for text in map(article, range(8))}


def pair(number: int, place: str) -> Pair:
    text = ARTICLES[f"depots/{number}"].text
    answer = f"The {place} gate of depot {number} opens at {number + 5} o'clock."
    start = text.index(answer)
    return Pair(
        id=f"{number}-{place}",
        question=f"When does the {place} gate of depot {number} open?",
        answer=answer,
        evidence=[Quote(article_id=f"depots/{number}", start=start, end=start + len(answer), text=answer)],
        service="depots",
        kind="limit",
        phrasing="when",
    )


PAIRS = [pair(number, place) for number in range(8) for place in PLACES[:4]]


def params(**changes) -> RaftParams:
    values = {
        "share": 0.75,
        "min_passages": 3,
        "max_passages": 5,
        "passage_characters": 160,
        "questions_per_context": 3,
        "without_gold": 0.0,
    }
    return RaftParams(**values | changes)


def by_question(samples: list[Sample]) -> dict[str, Sample]:
    return {turn.question: sample for sample in samples for turn in sample.turns}


class TestMix:
    def test_every_pair_once_and_the_share_with_passages(self):
        samples = Mix(PAIRS, ARTICLES, params()).epoch("1")
        questions = [turn.question for sample in samples for turn in sample.turns]
        assert sorted(questions) == sorted(pair.question for pair in PAIRS)
        assert sum(len(sample.turns) for sample in samples if sample.passages) == 24

    def test_gold_stands_once_among_distractors(self):
        samples = by_question(Mix(PAIRS, ARTICLES, params(share=1.0)).epoch("1"))
        for pair in PAIRS:
            sample = samples[pair.question]
            gold = [i for i, passage in enumerate(sample.passages) if pair.answer in passage.text]
            assert len(gold) == 1
            assert set(gold) <= sample.gold
            assert len(sample.passages) >= 3
            assert len(sample.passages) > len(sample.gold) or len(sample.turns) >= 3

    def test_each_quote_of_a_pair_has_its_passage(self):
        """Quotes of two articles, and two that stand side by side."""
        quotes = [pair(number, place).evidence[0] for number, place in ((1, "Bern"), (2, "Bern"), (2, PLACES[1]))]
        wide = pair(0, "Bern").model_copy(update={"evidence": quotes})
        seen = set()
        for seed in range(20):
            (sample,) = Mix([wide], ARTICLES, params(share=1.0)).epoch(str(seed))
            covering = [[i for i, excerpt in enumerate(sample.passages) if excerpt.covers(quote)] for quote in quotes]
            assert all(len(places) == 1 for places in covering)
            assert sample.gold == {place for (place,) in covering}
            assert not any(a.overlaps(b) for i, a in enumerate(sample.passages) for b in sample.passages[:i])
            seen.add(len(sample.gold))
        assert seen == {2, 3}  # side by side, they may share a passage

    def test_passages_do_not_overlap_and_are_slices_of_articles(self):
        samples = Mix(PAIRS, ARTICLES, params(share=1.0)).epoch("2")
        assert min(len(sample.passages) for sample in samples) > 1
        for sample in samples:
            for i, passage in enumerate(sample.passages):
                text = ARTICLES[passage.article_id].text
                assert passage.text == text[passage.start : passage.end]
                assert not any(passage.overlaps(other) for other in sample.passages[:i])

    def test_gold_is_found_at_every_place(self):
        samples = [s for n in range(6) for s in Mix(PAIRS, ARTICLES, params(share=1.0)).epoch(str(n))]
        assert {place for sample in samples for place in sample.gold} == {0, 1, 2, 3, 4}

    def test_without_gold_no_passage_touches_the_evidence(self):
        samples = by_question(
            Mix(PAIRS, ARTICLES, params(share=1.0, without_gold=0.99, questions_per_context=1)).epoch("1")
        )
        missing = [
            p for p in PAIRS if not any(excerpt.overlaps(p.evidence[0]) for excerpt in samples[p.question].passages)
        ]
        assert len(missing) >= 28

    def test_same_seed_same_samples_other_seed_others(self):
        mix = Mix(PAIRS, ARTICLES, params())
        assert mix.epoch("1") == Mix(PAIRS, ARTICLES, params()).epoch("1")
        assert mix.epoch("1") != mix.epoch("2")

    def test_share_zero_needs_no_passages(self):
        samples = Mix(PAIRS, ARTICLES, params(share=0.0)).epoch("1")
        assert sum(len(sample.turns) for sample in samples) == len(PAIRS)
        assert {sample.passages for sample in samples} == {()}


class TestPassages:
    def test_length_heading_and_varied_place(self):
        text, evidence = ARTICLES["depots/3"], pair(3, "Bern").evidence[0]
        excerpts = [text.around(evidence, 300, random.Random(seed)) for seed in range(40)]
        assert all(excerpt.covers(evidence) and len(excerpt.text) <= 300 for excerpt in excerpts)
        assert len({excerpt.start for excerpt in excerpts}) > 3
        # Of the headings those that all of the passage stands under, as in chunks.
        assert {excerpt.section for excerpt in excerpts} == {"", "Rules"}

    def test_evidence_longer_than_a_passage_stays_whole(self):
        text = ARTICLES["depots/3"]
        evidence = Span(article_id="depots/3", start=30, end=400)
        assert text.around(evidence, 100, random.Random(0)).covers(evidence)

    def test_grid_covers_the_article_once(self):
        text = ARTICLES["depots/0"]
        excerpts = text.grid(160)
        assert "".join("".join(excerpt.text.split()) for excerpt in excerpts) == "".join(text.text.split())
        assert max(len(excerpt.text) for excerpt in excerpts) <= 160


class WordTokenizer:
    """One token for a word. Has what encode needs of transformers' tokenizers."""

    eos_token_id = 0

    def __init__(self):
        self.words: list[str] = ["<end>"]

    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        assert (tokenize, add_generation_prompt) == (False, True)
        return " ".join(f"<{m['role']}> {m['content']}" for m in messages) + " <assistant>"

    def __call__(self, text, add_special_tokens):
        assert not add_special_tokens
        ids = []
        for word in text.split():
            if word not in self.words:
                self.words.append(word)
            ids.append(self.words.index(word))
        return {"input_ids": ids}

    def text(self, ids) -> str:
        return " ".join(self.words[i] for i in ids)


class TestTokens:
    def sample(self) -> Sample:
        return next(s for s in Mix(PAIRS, ARTICLES, params(share=1.0)).epoch("1") if len(s.turns) == 3)

    def test_labels_on_the_answer_alone(self):
        tokenizer, sample = WordTokenizer(), self.sample()
        encoded = encode(sample, tokenizer, 4096)
        batch = tensors((encoded,), _float())
        expected = [f"{turn.answer} <end>" for turn in sample.turns]
        assert tokenizer.text(labels((encoded,)).tolist()) == " ".join(expected)
        # Each label is read at the token before it.
        ids = batch.branches.ids.flatten()
        before = [tokenizer.words[ids[place]] for place in batch.reads.tolist()]
        assert before == [word for turn in sample.turns for word in ["<assistant>", *turn.answer.split()]]

    def test_start_is_what_all_prompts_share(self):
        tokenizer, sample = WordTokenizer(), self.sample()
        encoded = encode(sample, tokenizer, 4096)
        whole = [tokenizer.text([*encoded.start, *branch.ids]) for branch in encoded.branches]
        for turn, text in zip(sample.turns, whole, strict=True):
            assert text.endswith(f"Question: {turn.question} <assistant> {turn.answer} <end>")
        assert len({branch.ids[0] for branch in encoded.branches}) > 1

    def test_too_long_loses_distractors_before_gold(self):
        tokenizer, sample = WordTokenizer(), self.sample()
        sample = Sample(sample.passages, sample.turns[:1], frozenset({1}))
        limit = 130
        text = tokenizer.text(encode(sample, tokenizer, limit).start)
        assert sample.passages[1].text.split()[-1] in text
        kept = [i for i, passage in enumerate(sample.passages) if " ".join(passage.text.split()) in text]
        assert 1 in kept
        assert len(kept) < len(sample.passages)

    def test_a_pair_that_is_too_long_alone(self):
        with pytest.raises(StageError) as fault:
            encode(Sample((), (Turn("Why?", "word " * 300),)), WordTokenizer(), 128)
        others = len(f"<system> {system_prompt()} <user> Why? <assistant> <end>".split())
        assert str(fault.value) == (
            f"the pair 'Why?' has {300 + others} tokens with its answer; fine_tune.local.max_tokens allows 128. "
            "Raise it, or shorten the pairs."
        )


class TestBatches:
    def encoded(self, start: int, *branches: int) -> Encoded:
        return Encoded(tuple(range(start)), tuple(Branch(tuple(range(1, n + 1)), n - 2) for n in branches))

    def test_bucket_keeps_like_lengths_together_within_the_budget(self):
        samples = [self.encoded(n, 5) for n in (95, 10, 90, 12, 11, 45)]
        batches = bucket(samples, 100)
        assert [[s.tokens for s in batch] for batch in batches] == [[15, 16, 17], [50], [95], [100]]

    def test_steps_hold_about_batch_size_pairs_and_every_sample_once(self):
        samples = [self.encoded(400 + n, 5, 6, 7, 8) for n in range(24)]
        grouped = steps(samples, 16, "1")
        assert sorted(s.tokens for step in grouped for b in step for s in b) == sorted(s.tokens for s in samples)
        assert [sum(len(s.branches) for b in step for s in b) for step in grouped] == [16] * 6

    def test_branches_read_the_start_and_themselves(self):
        batch = tensors((self.encoded(2, 3, 4), self.encoded(4, 5)), _float())
        seen = (batch.branches.mask == 0)[:, 0].int().tolist()
        assert seen[0] == [
            [1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0],
            [1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0],
            [1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0],
            [1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1],
        ]
        assert batch.branches.positions[0].tolist() == [2, 3, 4, 2, 3, 4, 5]
        assert batch.branches.positions[1].tolist()[:5] == [4, 5, 6, 7, 8]


def _float():
    import torch

    return torch.float32
