"""The facts judge: bands of scores per (reference, answer), written by us."""

import json
import random
import time
from pathlib import Path

import pytest

from stages.judge.facts import FactsJudge
from stages.judge.reading.text import read_text

LABELLED = Path(__file__).parent / "fixtures/judge_labelled.jsonl"
STATEMENTS = Path(__file__).parent / "fixtures/judge_statements.txt"
WRONG, HALF, GOOD, FULL = (0.0, 3.0), (3.0, 6.5), (7.0, 10.0), (9.0, 10.0)

TIMEOUT = "A session ends after 900 seconds without traffic."
KEYS = "One request can list up to 1,000 keys."
PERMISSION = "To read the object you need the s3:GetObject permission."
CLOSED = "New buckets are private and public access is disabled by default."
ROLES = "The bucket policy overrides the access control list."
COPY = "The job copies the snapshot from the primary region to the backup region."
TWO = "The default page size is 50 items. The largest page size is 200 items."
STEPS = "First empty the folder with EraseFiles. Then close it with ShutFolder."
MODES = "A mode is Plain, FastRun or TestRun. TestRun writes nothing."
WAIT = "Without a waiting period in the call, the store waits 30 days. You can choose any period from 7 to 30 days."
ALL = "Without a filter, it lists all queues of the account."
SUM = "All files of one call may not add up to more than 4 MB."
EQUAL = "The default lease is 300 seconds (5 minutes)."
LONG = (
    "A queue name can have up to 80 characters. Names of FIFO queues must end with the .fifo suffix. "
    "A queue cannot be renamed after it was created."
)


def score(reference: str, answer: str, question: str = "") -> float:
    return FactsJudge().score(question, reference, [answer])[0].overall


@pytest.mark.parametrize(
    ("reference", "answer", "band"),
    [
        # amounts and their units
        (TIMEOUT, "A session ends after 15 minutes without traffic.", FULL),
        (TIMEOUT, "After fifteen minutes without traffic, a session ends.", FULL),
        (TIMEOUT, "A session ends after 900 minutes without traffic.", WRONG),
        (TIMEOUT, "A session ends after 90 seconds without traffic.", WRONG),
        (KEYS, "One request can list at most a thousand keys.", FULL),
        (KEYS, "One request can list no more than 1000 keys.", FULL),
        (KEYS, "One request can list at least 1,000 keys.", WRONG),
        (KEYS, "One request can list up to 10,000 keys.", WRONG),
        (KEYS, "One request can list more than 1,000 keys.", WRONG),
        ("A key has at least 8 characters.", "A key has fewer than 8 characters.", WRONG),
        ("Most requests of a client succeed.", "Few requests of a client succeed.", WRONG),
        ("You can send 100 requests per second.", "You can send 100 requests per day.", WRONG),
        ("You can send 100 requests per second.", "You can send 100 requests each second.", FULL),
        ("Backups are made once a day.", "Backups are made twice a day.", WRONG),
        ("The body can be 262,144 bytes at most.", "The body can be at most 256 KB.", FULL),
        ("The body can be 256 KB at most.", "The body can be at most 256 MB.", WRONG),
        ("A name has 256 characters at most.", "A name has 256 bytes at most.", WRONG),
        ("Records are kept for one day.", "Records are kept for 24 hours.", FULL),
        ("Wait between 7 and 30 days.", "Wait from one week to 30 days.", FULL),
        ("Wait between 7 and 30 days.", "Wait between 7 and 90 days.", WRONG),
        (TWO, "The largest page size is 200 items, the default page size is 50 items.", FULL),
        (TWO, "The default page size is 200 items. The largest page size is 50 items.", WRONG),
        # units written out and shortened, parts of a whole, money
        ("A parcel holds 64 KB of data.", "A parcel holds 64 kilobytes of data.", FULL),
        ("A parcel holds 64 KB of data.", "A parcel holds 64 megabytes of data.", WRONG),
        ("A lock is valid for 30 minutes.", "A lock is valid for 30 mins.", FULL),
        ("A lock is valid for 30 minutes.", "A lock is valid for half an hour.", FULL),
        ("A lock is valid for 30 minutes.", "A lock is valid for 30 ms.", WRONG),
        ("The pallet weighs 5 kg.", "The pallet weighs 5 kilograms.", FULL),
        ("The pallet weighs 5 kg.", "The pallet weighs 5000 g.", FULL),
        ("The pallet weighs 5 kg.", "The pallet weighs 5 g.", WRONG),
        ("Half of the members must agree.", "50 % of the members must agree.", FULL),
        ("Two-thirds of the members must agree.", "2/3 of the members must agree.", FULL),
        ("Two-thirds of the members must agree.", "Three-quarters of the members must agree.", WRONG),
        ("It costs $5 per month.", "It costs US$5.00 a month.", FULL),
        ("It costs $5 per month.", "It costs 5 euros per month.", WRONG),
        ("Send at most 1,000 parcels per second.", "Send at most 1 000 parcels per second.", FULL),
        ("Delivery takes 1-2 business days.", "Delivery takes one to two business days.", FULL),
        ("Delivery takes 1-2 business days.", "Delivery takes 1-9 business days.", WRONG),
        # names
        (PERMISSION, "You need s3:GetObject to read the object.", FULL),
        (PERMISSION, "To read the object you need the s3:PutObject permission.", WRONG),
        (PERMISSION, "To read the object you need the kms:GetObject permission.", WRONG),
        ("DeleteTable fails with ResourceInUseException.", "DeleteTable fails with LimitExceededException.", WRONG),
        ("A standard queue may reorder messages.", "A FIFO queue may reorder messages.", WRONG),
        ("Set Overwrite to true to replace the file.", "Set Overwrite to false to replace the file.", WRONG),
        # negation, polarity, opposites
        (CLOSED, "By default public access is turned off and new buckets are private.", GOOD),
        (CLOSED, "New buckets are public and public access is enabled by default.", WRONG),
        (CLOSED, "New buckets are not private and public access is disabled by default.", WRONG),
        ("A policy can't be attached twice.", "A policy can be attached twice.", WRONG),
        ("A policy can be attached twice.", "A policy cannot be attached twice.", WRONG),
        ("The tag is required.", "The tag is optional.", WRONG),
        ("The tag is required.", "The tag is not optional.", GOOD),
        ("The call returns before the copy is done.", "The call returns after the copy is done.", WRONG),
        ("The key encrypts the data.", "The key decrypts the data.", WRONG),
        ("Items never expire.", "Items always expire.", WRONG),
        ("You cannot delete a bucket unless it is empty.", "You can delete a bucket only if it is empty.", GOOD),
        ("The queue rarely delivers a message twice.", "The queue often delivers a message twice.", WRONG),
        ("The queue rarely delivers a message twice.", "The queue seldom delivers a message twice.", GOOD),
        ("No-one may enter the room.", "Nobody may enter the room.", FULL),
        ("No-one may enter the room.", "Anyone may enter the room.", WRONG),
        ("Smoking is forbidden in the hall.", "Smoking is not allowed in the hall.", FULL),
        ("Smoking is not permitted in the hall.", "Smoking is prohibited in the hall.", FULL),
        ("Smoking is forbidden in the hall.", "Smoking is allowed in the hall.", WRONG),
        # who does what to whom
        (ROLES, "The access control list is overridden by the bucket policy.", GOOD),
        (ROLES, "The access control list overrides the bucket policy.", WRONG),
        (COPY, "The job copies the snapshot to the backup region from the primary region.", GOOD),
        (COPY, "The job copies the snapshot from the backup region to the primary region.", WRONG),
        # the order of steps
        (STEPS, "Empty the folder with EraseFiles, then close it with ShutFolder.", GOOD),
        (STEPS, "Close the folder with ShutFolder after you empty it with EraseFiles.", GOOD),
        (STEPS, "Before you close the folder with ShutFolder, empty it with EraseFiles.", GOOD),
        ("Objects are copied before the rule is deleted.", "The rule is deleted after objects are copied.", GOOD),
        ("Objects are copied before the rule is deleted.", "The rule is deleted before objects are copied.", WRONG),
        ("If the table is locked, the backup is locked.", "If the backup is locked, the table is locked.", WRONG),
        ("If the table is locked, the backup is locked.", "The backup is locked if the table is locked.", FULL),
        # a name said with what is another's
        (STEPS, "First empty the folder with ShutFolder. Then close it with EraseFiles.", WRONG),
        (MODES, "Plain, FastRun and TestRun are the modes; TestRun writes nothing.", GOOD),
        # a negation reaches what it denies
        (WAIT, "The store waits thirty days by default; you may choose between 7 and 30 days.", (6.0, 10.0)),
        (WAIT, WAIT.replace("waits 30", "waits 7"), WRONG),
        (WAIT, WAIT.replace("Without", "With"), WRONG),
        (SUM, "One call is limited to 4 MB of files.", (6.0, 10.0)),
        ("A plan cannot name fewer than 2 zones.", "A plan names at least 2 zones.", FULL),
        ("A plan cannot name fewer than 2 zones.", "A plan names at most 2 zones.", WRONG),
        ("Without a lease, the store rejects writes.", "Without a lease, the store accepts writes.", WRONG),
        ("Without a lease, the store rejects writes.", "The store rejects writes without a lease.", FULL),
        (ALL, "It lists all queues of the account if no filter is given.", FULL),
        (ALL, "It lists all queues of the account if a filter is given.", WRONG),
        ("TestRun runs nothing.", "TestRun does not run anything.", GOOD),
        ("TestRun runs nothing.", "TestRun runs the plan.", WRONG),
        # to what it is limited
        ("The call fails unless the bucket is empty.", "The call fails if the bucket is empty.", WRONG),
        ("The call fails unless the bucket is empty.", "The call fails if the bucket is not empty.", GOOD),
        ("Only the root user can close the account.", "Any user can close the account.", WRONG),
        ("Any user can close the account.", "Only the root user can close the account.", WRONG),
        ("Only the root user can close the account.", "The account can only be closed by the root user.", GOOD),
        ("You can have up to 5 rules per bus.", "Up to 5 rules for each bus.", GOOD),
        # an amount beside its equivalent
        (EQUAL, "The default lease is 300 seconds.", GOOD),
        (EQUAL, "The default lease is 5 minutes (300,000 milliseconds).", GOOD),
        # how much of it
        (LONG, LONG, FULL),
        (LONG, "A queue name can have up to 80 characters.", HALF),
        (LONG, LONG + " Names may have letters, digits and hyphens. They are unique in one region and account.", (7.5, 9.9)),  # noqa: E501
        (LONG, "A topic sends each message to its subscribers by HTTP or e-mail.", WRONG),
        (LONG, "A queue name can have. " * 12, WRONG),
        (LONG, LONG + " " + "A queue name can have up to 80 characters. " * 12, HALF),
        (LONG, "", WRONG),
        (LONG, "   \n ", WRONG),
        (LONG, "I'm sorry, but I don't know the limits of queue names.", WRONG),
        (
            LONG,
            "Call RenameQueueFast with 12 shards. The queue has 4,000 regions and 77 dollars per hour. Use QueueNameMax "  # noqa: E501
            "and SetQueueTable to raise 9 limits of 300 GB.",
            WRONG,
        ),
    ],
)  # fmt: skip
def test_band(reference, answer, band):
    assert band[0] <= score(reference, answer) <= band[1]


@pytest.mark.parametrize(
    ("question", "reference", "answer", "band"),
    [
        ("How many keys can one request list?", KEYS, "At most 1,000.", FULL),
        ("How many keys can one request list?", KEYS, "At most 100.", WRONG),
        ("How many keys can one request list?", KEYS, "One request can list keys.", WRONG),
        ("Can a queue be renamed?", "No, a queue cannot be renamed.", "No.", GOOD),
        ("Can a queue be renamed?", "No, a queue cannot be renamed.", "Yes.", WRONG),
        ("Can a queue be renamed?", "A queue cannot be renamed.", "Yes, a queue can be renamed.", WRONG),
        # a yes or no alone is all of an answer only if the reference says no more
        ("Can a queue be renamed?", "Yes, by its owner, up to 10 times a day.", "Yes.", (4.0, 6.0)),
        ("Can a queue be renamed?", "Yes, by its owner, up to 10 times a day.", "No.", WRONG),
        ("Can it?", "Yes.", "No.", WRONG),
        ("Can it?", "Yes.", "Yes.", FULL),
        ("Which permission do I need?", PERMISSION, "s3:GetObject", (6.0, 10.0)),
        # what repeats the question says nothing
        (
            "Which permission do I need to call GetObject?",
            PERMISSION,
            "To call GetObject, you need a permission to GetObject.",
            WRONG,
        ),
        (
            "What is ListCopies for?",
            "ListCopies returns the copies that are under way.",
            "ListCopies is for ListCopies.",
            WRONG,
        ),
        ("Which states are there?", "The states are Open, Shut and Broken.", "The states are 1, 2 and 3.", WRONG),
        # the same thing under a shorter name, in a list, after other true things
        ("What does Plan.Size set?", "Plan.Size sets the number of seats.", "Size sets the number of seats.", FULL),
        (
            "Which modes are there?",
            "The modes are FAST_ONE, SLOW_TWO and NO_MODE.",
            "The modes are:\n\n- FAST_ONE\n- SLOW_TWO\n- NO_MODE",
            FULL,
        ),
        ("Can I rename it?", "No, you can't rename it.", "A name is given once. No, you can't rename it.", GOOD),
        (
            "What names the list?",
            "ListName names the list.",
            "ListName names the list. With CopyName you name a copy.",
            (6.0, 10.0),
        ),
        (
            "How long may it be?",
            "It may be 1 to 40 characters long.",
            "It may be 1 to 40 characters long. A call may name 5 items.",
            (6.0, 10.0),
        ),
    ],
)
def test_the_question_says_what_is_known(question, reference, answer, band):
    assert band[0] <= score(reference, answer, question) <= band[1]


ASKED = "With RotateKey, is it possible to watch the rotation of the key in AuditTrail?"
SAID = "Yes, you can watch the rotation of the key in AuditTrail."


@pytest.mark.parametrize(
    "answer",
    [
        ASKED,
        f"**{ASKED}**",
        ASKED.removesuffix("?"),
        f"{ASKED}\n\nWhich key is rotated?",
        f"Question: {ASKED}",
    ],
    ids=["echo", "in bold", "without its mark", "and another question", "with a label"],
)
def test_who_only_asks_says_nothing(answer):
    verdict = FactsJudge().score(ASKED, SAID, [answer])[0]
    assert (verdict.overall, verdict.fact_recall) == (0.0, 0.0)
    assert verdict.comment in ("says nothing", "says hardly anything of the reference")


@pytest.mark.parametrize(
    ("question", "reference", "answer"),
    [
        (ASKED, SAID, f"{ASKED} {SAID}"),
        ("Do I call PutShelf or GetShelf to read it?", "Call GetShelf.", "GetShelf"),
    ],
    ids=["an echo before the answer", "an answer out of the question's words"],
)
def test_an_answer_counts_although_it_repeats_the_question(question, reference, answer):
    assert score(reference, answer, question) >= 7.0


def test_a_verdict_says_why():
    verdict = FactsJudge().score("", TIMEOUT, ["A session ends after 90 seconds without traffic."])[0]
    assert verdict.comment.startswith('contradicts: says "90 seconds" where the reference says "900 seconds"')
    assert verdict.factual_accuracy <= 3
    assert 0 <= verdict.fact_recall < 0.6


def test_a_reference_without_a_fact_is_unscored():
    verdict = FactsJudge().score("What?", "It is as it is.", ["That is so."])[0]
    assert verdict.overall is None
    assert verdict.comment == "unscored: the reference holds no fact to check"


def test_the_cap_is_a_parameter():
    answers = [TWO.replace("200", "300")]
    assert FactsJudge(contradiction_cap=1.0).score("", TWO, answers)[0].overall <= 1.0
    assert FactsJudge(contradiction_cap=0.0).score("", TWO, answers)[0].overall == 0.0


def test_answers_labelled_by_hand():
    rows = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    assert all(score(row["reference"], row["reference"], row["question"]) >= 9.0 for row in rows)
    scored = [(row, score(row["reference"], row["answer"], row["question"])) for row in rows]
    too_high = [row["id"] for row, value in scored if row["label"] <= 3 and value > 3.0]
    too_low = [row["id"] for row, value in scored if row["kind"] == "paraphrase" and value < 6.0]
    # The others are known to be missed.
    assert (too_high, too_low) == (["publish-size", "events-archive"], ["versioning", "policy-override", "key-delete"])


def statements():
    """(reference, kind, answer) of the fixture: W is wrong, T true in other words, R the reference itself."""
    reference = ""
    for line in STATEMENTS.read_text().splitlines():
        kind, _, text = line.partition(" ")
        reference = text if kind == "R" else reference
        if kind in {"R", "W", "T"}:
            yield reference, kind, text


def test_turns_of_phrase():
    """Single statements, the hardest there are: a word more or less decides. Most are read, and not one by one."""
    scores: dict[str, list[float]] = {"R": [], "W": [], "T": []}
    for reference, kind, answer in statements():
        scores[kind].append(score(reference, answer))
    assert min(scores["R"]) >= 9.0
    assert sum(value > 3.0 for value in scores["W"]) / len(scores["W"]) <= 0.23
    assert sum(value < 7.0 for value in scores["T"]) / len(scores["T"]) <= 0.14


@pytest.mark.parametrize(
    "answer",
    [
        "The call (" + "one, two, three, " * 400,
        "(a b c d " * 400,
        "a" + "\xa0" * 4000 + "b",
        "5 a b " * 600,
        "1,111" * 600,
        "one hundred and " * 400,
        "the queue is not" + " " * 4000 + "x",
        "the queue is not" + "\t" * 4000 + "x",
        "a-" * 4000,
        "the queue is not" + "\n" * 4000 + "x",
        "a " + "-" * 4000 + " b",
    ],
    ids=[
        "unclosed",
        "nested",
        "spaces",
        "amounts",
        "digits",
        "number words",
        "blanks",
        "tabs",
        "hyphens",
        "breaks",
        "dashes",
    ],
)
def test_a_looping_answer_is_read_in_well_under_a_second(answer):
    start = time.process_time()
    read_text(answer)
    assert time.process_time() - start < 1.0


ODD = ["--", "—", '"', "'", "::", "/", "$5", "€", "%", "°C", "10 p.m.", "no", "neither", "nor", "without", "unless",
       "1-2", "3,000", "½", "\u00a0", "**", "|", "\n", "(", ")", ";", ":", "?", "-x", "x-", "__a__", "1e9", "1.2.3",
       "漢字", "s", "is", "not", "possible", "can", "only", "if", "before", "any", "the", "queue", "deletes",
       "items"]  # fmt: skip


def test_no_text_is_too_odd_to_be_judged():
    draw = random.Random(7)
    for _ in range(300):
        reference, answer = (" ".join(draw.choices(ODD, k=draw.randrange(1, 40))) for _ in range(2))
        value = FactsJudge().score("", reference, [answer])[0].overall
        assert value is None or 0 <= value <= 10, (reference, answer)
