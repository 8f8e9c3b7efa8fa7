"""Fine-tuning by Bedrock as a stage: what is refused before it is paid for, what is left out, what is written."""

import json
from dataclasses import replace

import pytest
import yaml
from test_fine_tune_stage import GOOD

from stages.fine_tune import on_bedrock
from stages.fine_tune.article_text import ArticleText
from stages.fine_tune.data import Data
from stages.fine_tune.params import FineTuneParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import Pair, Quote
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.params import BedrockModel
from tune_or_retrieve.providers.bedrock.tuning.deployment import read_deployment

MODEL = {
    "provider": "bedrock", "model": "us.amazon.nova-micro-v1:0",
    "customization": {
        "base_model": "amazon.nova-micro-v1:0:128k", "epochs": 2, "learning_rate": 1e-5, "warmup_steps": 10,
    },
}  # fmt: skip
PRICES = {"as_of": "2026-11-22", "currency": "USD", "compute_per_hour": 0.1, "per_million_tokens": {},
          "training_per_1k_tokens": {"amazon.nova-micro-v1:0": 1.0}}  # fmt: skip
PARAMS = FineTuneParams.model_validate(GOOD)
pytestmark = pytest.mark.usefixtures("no_waiting")
CREATE, DEPLOY = "CreateModelCustomizationJob", "CreateCustomModelDeployment"
TEXT = "# Queue\n\n" + "".join(f"Dock {n} holds {n} crates.\n\n" for n in range(1, 13))


def pair(number, answer=None):
    passage = f"Dock {number} holds {number} crates."
    start = TEXT.index(passage)
    return Pair(
        id=f"p{number}", question=f"How many crates does dock {number} hold?", answer=answer or passage,
        evidence=[Quote(article_id="queue", start=start, end=start + len(passage), text=passage)],
        service="queue", kind="limit", phrasing="a",
    )  # fmt: skip


DATA = Data([pair(n) for n in range(1, 11)], [pair(11), pair(12)], {"queue": ArticleText("queue", "Queue", TEXT)})


def model(**changes):
    return BedrockModel.model_validate(MODEL | changes)


@pytest.fixture
def root(aws, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    money(None)
    return tmp_path


def money(budget, **prices):
    with open("params.yaml", "w") as file:
        yaml.safe_dump({"prices": PRICES | prices, "run": {"budget_usd": budget}}, file)


def run(root, what=None, data=DATA, name="micro"):
    return on_bedrock.fine_tune(name, what or model(), PARAMS, data, root / "out", Watch(sleep=lambda _: None))


def spent(root):
    return [json.loads(line) for line in (root / ".cache/spent.jsonl").read_text().splitlines()]


def test_the_record_says_where_it_answers_and_what_was_left_out(aws, root, capsys):
    bad = pair(9, answer="Write iam:User:name.")
    result = run(root, data=replace(DATA, train=[*DATA.train, bad]))
    record = read_deployment(root / "out")
    deployment = aws.client("bedrock").get_custom_model_deployment(
        customModelDeploymentIdentifier=record.deployment_arn
    )
    assert (deployment["status"], record.hosting, record.attempt) == ("Active", "on_demand", 1)
    assert record.rejected == {"a text holds 'User:', which AWS takes for a speaker's mark": 1}
    assert (record.samples["train"], record.samples["validation"]) == (10, 2)
    assert "1 train sample(s) left out, as a text holds 'User:'" in capsys.readouterr().err
    assert set(result.curve[0]) == {"step", "epoch", "split", "loss"}
    assert (result.metrics["samples_rejected"], result.metrics["epochs"]) == (1, 2)
    assert result.timings["training_dollars"] == pytest.approx(spent(root)[0]["dollars"])


def test_the_same_again_is_the_same_bytes_and_pays_nothing(aws, root):
    run(root)
    before = (root / "out/deployment.json").read_bytes()
    run(root)
    assert (root / "out/deployment.json").read_bytes() == before
    assert (aws.ledger.made(CREATE), aws.ledger.made(DEPLOY), len(spent(root))) == (1, 1, 1)


def test_a_base_model_by_the_id_that_is_called_is_refused_before_anything_is_made(aws, root):
    base = MODEL["customization"] | {"base_model": "amazon.nova-micro-v1:0"}
    before = aws.left()
    with pytest.raises(StageError) as caught:
        run(root, model(customization=base))
    assert str(caught.value) == (
        "customization.base_model: amazon.nova-micro-v1:0 cannot be fine-tuned in us-east-1 by this id. Set it to "
        "amazon.nova-micro-v1:0:128k in params.yaml."
    )
    assert (aws.left(), aws.ledger.made(CREATE), (root / "out").exists()) == (before, 0, False)


@pytest.mark.parametrize(
    ("changes", "name", "fault"),
    [
        ({"customization": None}, "micro", "models.micro: has no section customization, so it"),
        (
            {"hosting": {"kind": "provisioned", "provisioned": {
                "units": 1, "commitment": "none", "price_per_hour": 60.0, "confirmed": False}}},
            "micro",
            "hosting.provisioned: 1 unit(s) of provisioned throughput cost $60.00 an hour",
        ),
        ({}, "m" * 40, "models.mmmm"),
        ({}, "___", "models.___: a model that is fine-tuned on Bedrock must have a name"),
    ],
)  # fmt: skip
def test_it_is_refused_before_anything_is_sent(aws, root, changes, name, fault):
    with pytest.raises(StageError) as caught:
        run(root, model(**changes), name=name)
    assert str(caught.value).startswith(fault)
    assert aws.ledger.entries == []


def test_the_budget_refuses_the_job(aws, root):
    money(0.01)
    with pytest.raises(
        StageError, match=r"^fine-tuning micro on amazon\.nova-micro-v1:0:128k, about \d+ tokens: estim"
    ):
        run(root)
    assert aws.left() == []  # not even a bucket
    money(None)
    run(root)
    assert aws.ledger.made(CREATE) == 1


def test_a_job_whose_entry_was_lost_to_a_kill_is_entered_by_the_next_run(aws, root):
    run(root)
    paid = spent(root)
    (root / ".cache/spent.jsonl").unlink()
    run(root)
    assert [(row["once"], row["dollars"]) for row in spent(root)] == [(row["once"], row["dollars"]) for row in paid]


def test_with_a_budget_a_price_that_nobody_knows_makes_nothing(aws, root):
    money(25.0, training_per_1k_tokens={"amazon.nova-micro-v1:0": None})
    with pytest.raises(StageError, match=r": price not known: enter it in params\.yaml .* Nothing was started"):
        run(root)
    assert aws.left() == []


def test_a_price_lower_than_aws_s_own_makes_nothing(aws, root):
    money(25.0, training_per_1k_tokens={"amazon.nova-micro-v1:0": 0.0005})
    with pytest.raises(StageError) as caught:
        run(root)
    assert str(caught.value) == (
        "prices.training_per_1k_tokens.amazon.nova-micro-v1:0 in params.yaml is 0.0005, but AWS charges 0.001 "
        "(USE1-NovaMicro-Customization-Training in its Price List), so budget_usd would be checked with too low a "
        "price. Nothing was started. Correct it."
    )
    assert aws.left() == []


def test_without_a_budget_a_lower_price_is_the_users_business(aws, root):
    money(None, training_per_1k_tokens={"amazon.nova-micro-v1:0": 0.0005})
    run(root)
    assert aws.ledger.made(CREATE) == 1
    assert aws.ledger.count("GetProducts") == 0


@pytest.mark.parametrize(
    ("fault", "listed", "said"),
    [
        (
            "AccessDeniedException",
            None,
            "was not compared with AWS's Price List: AWS, reading AWS's Price List: access",
        ),
        (None, [], "was not compared: AWS's Price List has no USE1-NovaMicro-Customization-Training"),
    ],
)
def test_where_the_price_list_does_not_tell_the_table_has_to_do_and_that_is_said(
    aws, root, capsys, fault, listed, said
):
    money(1000.0)
    if fault:
        aws.fault("GetProducts", fault)
    else:
        aws.settings.prices["USE1-NovaMicro-Customization-Training"] = listed
    run(root)
    assert aws.ledger.made(CREATE) == 1
    err = capsys.readouterr().err
    assert err.count(f"the price of training amazon.nova-micro-v1:0:128k {said}") == 1


def test_another_job_after_one_that_failed_is_compared_with_the_price_list_too(aws, root):
    money(1000.0)
    aws.settings.next_failures["model-customization-job"] = ["Broken."]
    with pytest.raises(StageError, match="failed"):
        run(root)
    aws.settings.prices["USE1-NovaMicro-Customization-Training"] = [(2.0, "1K tokens")]
    again = model(customization=MODEL["customization"] | {"retry": 1})
    with pytest.raises(StageError, match="but AWS charges 2"):
        run(root, again)
    assert aws.ledger.made(CREATE) == 1


def test_a_job_that_an_earlier_run_paid_for_is_found_whatever_the_budget_is_now(aws, root):
    run(root)
    money(0.01)
    run(root)
    assert aws.ledger.made(CREATE) == 1


def test_without_a_price_nothing_is_sent(aws, root):
    money(None, training_per_1k_tokens={})
    with pytest.raises(StageError, match=r"has no training_per_1k_tokens for amazon\.nova-micro-v1:0:128k"):
        run(root)
    assert aws.ledger.entries == []


def test_another_bucket_or_role_finds_the_job_that_was_paid_for_and_its_losses(aws, root):
    import aws_world as world

    first = run(root)
    aws.client("s3").create_bucket(Bucket="my-own-bucket")
    arn = world.role(aws)
    for change in ({"bucket": "my-own-bucket"}, {"bucket": "my-own-bucket", "role_arn": arn}):
        again = run(root, model(customization=MODEL["customization"] | change))
        assert again.curve == first.curve
    assert aws.ledger.made(CREATE) == 1


def test_a_role_of_the_users_is_used_and_none_made(aws, root):
    import aws_world as world

    arn = world.role(aws)
    before = aws.account.roles()
    run(root, model(customization=MODEL["customization"] | {"role_arn": arn}))
    assert aws.account.roles() == before
    assert aws.ledger.of(CREATE)[0].params["roleArn"] == arn
