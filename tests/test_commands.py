"""The commands beside the pipeline that look at AWS or at its cost: what they say and how they end."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import aws_broken as broken
import aws_ours as ours
import pytest
import yaml
from small_study import ROOT, models_of
from typer.main import get_command

from tune_or_retrieve.__main__ import app, main
from tune_or_retrieve.account.doctor import Wanted
from tune_or_retrieve.account.requirements import Asked, Requirements, Tuned, requirements
from tune_or_retrieve.account.work import count, work
from tune_or_retrieve.commands import account as commands
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.names import tags
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.aws.storage import ensure_bucket

MICRO, CLAUDE, TITAN = "us.amazon.nova-micro-v1:0", "us.anthropic.claude-sonnet-4-6", "amazon.titan-embed-text-v2:0"
BASE = "amazon.nova-micro-v1:0:128k"
PRICES = {
    "as_of": "2026-11-22",
    "currency": "USD",
    "compute_per_hour": None,
    "per_million_tokens": {
        "amazon.nova-micro-v1:0": {"input": 0.035, "output": 0.14},
        "anthropic.claude-sonnet-4-6": {"input": 3.3, "output": 16.5},
        TITAN: {"input": 0.02},
    },
    "training_per_1k_tokens": {"amazon.nova-micro-v1:0": 0.001},
    "storage_per_model_month": 1.95,
    "provisioned_per_hour": {"amazon.nova-micro-v1:0": 60.0},
}


@pytest.fixture
def params(tmp_path, monkeypatch):
    """params.yaml of a study on Bedrock in a folder of its own, to be changed and written."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["study"] = {**models_of({"micro": "bedrock"}), "judges": {"claude": "bedrock"}}
    content["models"]["micro"] = {
        "provider": "bedrock", "model": MICRO, "region": None,
        "customization": {
            "base_model": BASE, "epochs": 2, "learning_rate": 1e-5, "warmup_steps": 10, "bucket": None,
            "role_arn": None,
        },
    }  # fmt: skip
    content["judges"]["claude"] = {
        "kind": "llm", "provider": "bedrock", "model": CLAUDE, "max_tokens": 500, "control_pairs": 10,
        "min_control_accuracy": 0.9, "min_coverage": 0.98,
    }  # fmt: skip
    content["knowledge_base"]["backend"] = "bedrock"
    content["knowledge_base"]["bedrock"] |= {"embedding_model": TITAN, "bucket": "mine", "store": "s3_vectors"}
    content["retrieval"]["mode"] = "dense"
    content["prices"] = copy.deepcopy(PRICES)
    (tmp_path / "data/documents").mkdir(parents=True)
    (tmp_path / "data/eval").mkdir()
    (tmp_path / "data/eval/questions.jsonl").write_bytes((ROOT / "data/eval/questions.jsonl").read_bytes())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    return content


@pytest.fixture
def run(monkeypatch, capsys):
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tune-or-retrieve", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def _write(content):
    Path("params.yaml").write_text(yaml.safe_dump(content))


def _local(params):
    params["models"]["micro"] = yaml.safe_load((ROOT / "params.yaml").read_text())["models"]["micro"]
    params["study"] = {**models_of({"micro": "embedded"}), "judges": {"facts": "none"}}
    params["knowledge_base"]["backend"] = "faiss"
    return params


def test_the_requirements_are_what_the_params_ask_of_bedrock(params):
    assert requirements(params) == Requirements(
        {"micro": Asked(MICRO)}, {"micro": Tuned(BASE, 2)}, {"claude": Asked(CLAUDE, 500)}, None, TITAN,
        ("dense", "s3_vectors"), {None: Wanted((MICRO, CLAUDE), (BASE,), (TITAN,), (None, "mine"), (None,))},
    )  # fmt: skip
    assert not requirements(_local(params)).on_bedrock
    assert not requirements({}).on_bedrock


def test_what_no_approach_uses_is_not_required(params):
    """No knowledge base where nothing retrieves; of a model that is not tuned, neither its base model nor a bucket."""
    params["study"] |= models_of({"micro": "bedrock"}, only=("base",))
    asked = requirements(params)
    assert (asked.embedding, asked.search, asked.tuned) == (None, None, {})
    assert asked.wanted == {None: Wanted((MICRO, CLAUDE))}
    counted = count(params)
    rows = {one.stage: one for one in work(asked, counted, params)}
    assert list(rows) == ["answer_base@micro", "judge@claude"]
    params["study"] |= models_of({"micro": "bedrock"}, only=("base", "rag"))
    more = {one.stage: one for one in work(requirements(params), counted, params)}
    assert list(more) == ["index", "retrieve", "answer_base@micro", "answer_rag@micro", "judge@claude"]
    assert more["judge@claude"].n - rows["judge@claude"].n == counted.questions


@pytest.mark.parametrize(
    ("judge", "wanted"),
    [
        ({"bucket": "b", "role_arn": "r"}, Wanted((CLAUDE,))),
        ({"batch": True}, Wanted((CLAUDE,), buckets=(None,), role_arns=(None,))),
        ({"batch": True, "bucket": "b", "role_arn": "r"}, Wanted((CLAUDE,), buckets=("b",), role_arns=("r",))),
    ],
)
def test_a_judge_needs_a_bucket_and_a_role_only_for_batch_jobs(params, judge, wanted):
    params["judges"]["claude"] |= {"region": "eu-west-1"} | judge
    assert requirements(params).wanted == {
        None: Wanted((MICRO,), (BASE,), (TITAN,), (None, "mine"), (None,)), "eu-west-1": wanted,
    }  # fmt: skip


def test_doctor_looks_into_each_region_at_what_is_asked_there(params, run, aws):
    params["models"]["micro"]["region"] = "us-east-1"  # that of the profile, too
    params["judges"]["claude"] |= {"region": "eu-west-1", "batch": True}
    _write(params)
    code, out, said = run("doctor")
    assert (code, said) == (
        1, f"error: not ready for Amazon Bedrock: region, model {CLAUDE}. The remedies are above.\n",
    )  # fmt: skip
    assert [line[:5].strip() + " " + line[7:].split(": ")[0] for line in out.splitlines()] == [
        "ok credentials", "ok region", f"ok model {MICRO}", f"ok model {BASE}", f"ok fine-tuning {BASE}",
        f"ok embedding by {TITAN}", "ok bucket", "ok bucket", "ok role",
        f"ok quota of {MICRO}", f"ok quota of {BASE}", f"ok quota of {TITAN}",
        "ok prices.per_million_tokens.amazon.nova-micro-v1:0.input",
        "ok prices.per_million_tokens.amazon.nova-micro-v1:0.output",
        "ok prices.training_per_1k_tokens.amazon.nova-micro-v1:0", "ok prices",
        "FAULT region", f"FAULT model {CLAUDE}", "ok bucket", "ok role", f"ok quota of {CLAUDE}", "ok prices",
        "ok search",
    ]  # fmt: skip
    assert "ok     bucket: tune-or-retrieve-123456789012-eu-west-1 is made when it is needed\n" in out


FILLED = "must not be empty, nor begin or end with a space"
BUCKET = "must be 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"


@pytest.mark.parametrize("command", [("resources",), ("teardown", "--dry-run")])
def test_a_local_study_has_nothing_on_aws_unless_a_region_is_named(tmp_path, monkeypatch, aws, run, command):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    assert run(*command)[0] == 0
    assert aws.ledger.entries != []
    asked = len(aws.ledger.entries)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert run(*command) == (
        0,
        "This study has nothing on AWS: params.yaml uses nothing of Amazon Bedrock and names no region. To look into a "
        "region all the same, set AWS_REGION.\n",
        "",
    )
    assert len(aws.ledger.entries) == asked


@pytest.mark.parametrize("command", ["doctor", "estimate"])
@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("models.micro.model", "", FILLED),
        ("models.micro.region", "", FILLED),
        ("models.micro.customization.base_model", "", FILLED),
        ("models.micro.customization.epochs", "two", "must be a whole number"),
        ("judges.claude.model", " ", FILLED),
        ("judges.claude.base_model", "", FILLED),
        ("judges.claude.role_arn", "", "must be like arn:aws:iam::123456789012:role/NAME"),
        ("knowledge_base.bedrock.embedding_model", "", FILLED),
        (
            "knowledge_base.bedrock.embedding_model",
            f"arn:aws:bedrock:us-east-1::foundation-model/{TITAN}",
            "must be the id of a foundation model, as in amazon.titan-embed-text-v2:0, not an ARN",
        ),
        ("study.judges", {}, "must not be empty"),
        ("knowledge_base.bedrock.region", " us-east-1", FILLED),
        ("knowledge_base.bedrock.role_arn", "", "must be like arn:aws:iam::123456789012:role/NAME"),
        ("knowledge_base.bedrock.bucket", "my bucket!", BUCKET),
    ],
)
def test_what_params_say_wrongly_is_told_before_aws_is_asked(params, run, aws, command, key, value, rule):
    *path, last = key.split(".")
    section = params
    for part in path:
        section = section[part]
    section[last] = value
    _write(params)
    assert run(command) == (1, "", f"error: params.yaml: 1 fault:\n  {key}: {rule}. Got {value!r}.\n")
    assert aws.ledger.entries == []


def test_prices_that_cannot_be_read_are_one_finding_of_doctor(params, run, aws):
    params["prices"]["currency"] = "EUR"
    _write(params)
    code, out, said = run("doctor")
    assert (code, said) == (1, "error: not ready for Amazon Bedrock: prices. The remedies are above.\n")
    assert "FAULT  prices: params.yaml: prices.currency: must be USD for Bedrock. Got 'EUR'.\n" in out


def test_resources_and_teardown_look_into_every_bucket_and_region_that_params_name(params, run, aws, monkeypatch):
    monkeypatch.setattr(commands, "take_down", _at_once(commands.take_down))
    params["models"]["micro"]["customization"]["bucket"] = "theirs"
    params["judges"]["claude"] |= {"region": "eu-west-1", "bucket": "far"}
    params["study"]["judges"] = {"facts": "none"}  # it is used no more, and what it made is still there
    _write(params)
    near, far = clients(), clients("eu-west-1")
    ensure_bucket(far, None, tags("judge", ours.KEY))
    ours.tuned(near, ours.bucket_of(near))
    for here, bucket in ((near, "mine"), (near, "theirs"), (far, "far")):
        place = {} if here is near else {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        here.s3.create_bucket(Bucket=bucket, **place)
        for key in ("mine.txt", "tune-or-retrieve/batch/a.jsonl"):
            here.s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    before = aws.left()
    _, listed, _ = run("resources")
    _, planned, _ = run("teardown", "--dry-run")
    assert aws.left() == before
    assert sorted(line for line in planned.splitlines() if line.startswith("would delete: objects ")) == [
        "would delete: objects s3://far/tune-or-retrieve/",
        "would delete: objects s3://mine/tune-or-retrieve/",
        "would delete: objects s3://theirs/tune-or-retrieve/",
        "would delete: objects s3://tune-or-retrieve-123456789012-us-east-1/tune-or-retrieve/",
    ]
    for text in (listed, planned):
        sums = [line.split(", while")[0] for line in text.splitlines() if ", while idle: " in line]
        assert sums == ["us-east-1", "eu-west-1"]
    assert planned.splitlines()[-2:] == [
        "would delete: bucket tune-or-retrieve-123456789012-eu-west-1", "nothing was removed.",
    ]  # fmt: skip
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or "y")
    aws.fault("ListVectorBuckets", "AccessDeniedException")
    code, _, said = run("teardown")
    assert (code, asked) == (1, ["Remove all of this from account 123456789012, us-east-1, eu-west-1? [y/N] "])
    fault = said[said.index("error: ") :].splitlines()
    assert [line.split(": AWS, ")[0] for line in fault] == [
        "error: left in us-east-1, and may still cost:", "  every vector index there may be",
        "  every vector bucket there may be", "left in eu-west-1, and may still cost:",
        "  every vector index there may be", "  every vector bucket there may be", "Run teardown again.",
    ]  # fmt: skip
    assert aws.left() == [
        "s3://far", "s3://far/mine.txt", "s3://mine", "s3://mine/mine.txt", "s3://theirs", "s3://theirs/mine.txt",
    ]  # fmt: skip
    aws.faults.clear()
    assert run("teardown", "--yes")[:2] == (
        0, "nothing of tune-or-retrieve in us-east-1.\nnothing of tune-or-retrieve in eu-west-1.\n",
    )  # fmt: skip


@pytest.mark.parametrize("command", ["doctor", "estimate"])
def test_a_local_study_asks_nothing_of_aws(params, run, command):
    _write(_local(params))
    assert run(command) == (0, f"{commands.LOCAL}\n", "")


@pytest.mark.parametrize(
    ("given", "usage", "said"),
    [
        (["teardown", "--force"], "teardown [OPTIONS]", "No such option: --force"),
        (["doctor", "--yes"], "doctor [OPTIONS]", "No such option: --yes"),
        (["check", "it"], "check [OPTIONS]", "Got unexpected extra argument(s) (it)"),
        (["preset"], "preset [OPTIONS] {name}", "Missing argument 'name'."),
        (["evidence", "locate", "s3/put-object"], "evidence locate [OPTIONS] {article} {quote}",
         "Missing argument 'quote'."),
        (["evidence", "found"], "evidence [OPTIONS] COMMAND [ARGS]...", "No such command 'found'."),
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_two_and_says_what_is_right(params, run, given, usage, said):
    name = usage.partition(" [")[0]
    assert run(*given) == (
        2, "", f"Usage: tune-or-retrieve {usage}\nTry 'tune-or-retrieve {name} --help' for help.\n\nError: {said}\n"
    )  # fmt: skip


def test_a_preset_that_there_is_not_is_wrong_usage(run, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert run("preset", "aws") == (
        2, "",
        "Usage: tune-or-retrieve preset [OPTIONS] {name}\nTry 'tune-or-retrieve preset --help' for help.\n\n"
        "Error: Invalid value for name: unknown preset 'aws'. Known: bedrock, local, quick.\n",
    )  # fmt: skip


def _commands(group, *names):
    yield names, group
    for name, one in getattr(group, "commands", {}).items():
        yield from _commands(one, *names, name)


@pytest.mark.parametrize("names", [names for names, _ in _commands(get_command(app))], ids=" ".join)
def test_every_command_and_option_has_its_help(run, names):
    code, out, _ = run(*names, "--help")
    command = dict(_commands(get_command(app)))[names]
    assert code == 0
    assert out.startswith(f"Usage: {' '.join(['tune-or-retrieve', *names])} [OPTIONS]")
    assert command.help
    assert [one.name for one in command.params if not getattr(one, "help", None) and one.name != "help"] == []
    _, _, listed = out.partition("\nCommands:\n")
    assert len(listed.splitlines()) == len(getattr(command, "commands", {}))
    assert "..." not in listed


def test_both_names_of_the_command_do_the_same():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # of these sources, whatever .venv has installed
    given = {"capture_output": True, "text": True, "check": False, "cwd": ROOT, "env": environment}
    by_module = subprocess.run([sys.executable, "-m", "tune_or_retrieve", "--help"], **given)
    by_name = subprocess.run([Path(sys.executable).with_name("tune-or-retrieve"), "--help"], **given)
    assert (by_module.returncode, by_module.stdout) == (by_name.returncode, by_name.stdout)
    assert "Usage: tune-or-retrieve [OPTIONS] COMMAND [ARGS]..." in by_name.stdout


def test_a_path_may_begin_with_the_home_folder(params, run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data/articles").mkdir()
    (tmp_path / "data/articles/manifest.jsonl").write_text("")
    (tmp_path / "mine.jsonl").write_text("")
    assert run("evidence", "refresh", "~/mine.jsonl") == (
        0, f"{tmp_path}/mine.jsonl: 0 of 0 questions had moved evidence.\n", "",
    )  # fmt: skip


def test_the_estimate_before_anything_ran_says_what_it_guessed(params, run):
    code, out, _ = run("estimate")
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines[1:9]] == [
        "index", "retrieve", "fine_tune@micro", "answer_base@micro", "answer_rag@micro", "answer_ft@micro",
        "answer_ft_rag@micro", "judge@claude",
    ]  # fmt: skip
    assert lines[4].split()[2] == "61"  # ten by hand, fifty that qa will write, and the warm-up
    assert lines[8].split()[2] == "400"  # four approaches of sixty questions, and ten controls of each kind
    assert lines[-4:] == [
        "about: not made yet, so estimated from params.yaml: the chunks, the pairs, the test questions, the passages "
        "of each question.",
        "index: not known before the stage chunks has run.",
        "Spent counts all runs since .cache/spent.jsonl was started, without the monthly storage of models.",
        "Replies are assumed to be as long as allowed; what is in the store costs nothing again.",
    ]


def test_provisioned_throughput_is_told_by_the_price_that_the_user_entered(params, run, aws):
    """In the estimate before it is made, and in the resources while it is there."""
    model = params["models"]["micro"]
    given = {"units": 2, "commitment": "none", "price_per_hour": 20.0, "confirmed": True}
    model["hosting"] = {"kind": "provisioned", "provisioned": given}
    _write(params)
    assert (
        "micro: in addition, provisioned throughput at $40.00 an hour, used or not: $29,200.00 a month.\n"
        in run("estimate")[1]
    )
    here = clients()
    ours.provisioned(here, ours.tuned(here, ours.bucket_of(here)))
    assert "$20.00 an hour, used or not: $14,600.00 a month" in run("resources")[1]


def test_the_estimate_counts_what_is_there_and_shows_what_was_spent(params, run, tmp_path):
    text = "x" * 400
    chunk = {"id": "a#0", "article_id": "a", "title": "A", "section": "", "start": 0, "end": 400, "context_start": 0,
             "context_end": 400, "text": text, "context": text}  # fmt: skip
    (tmp_path / "data/chunks").mkdir()
    (tmp_path / "data/chunks/chunks.jsonl").write_text(json.dumps(chunk) + "\n" + json.dumps(chunk | {"id": "a#1"}))
    (tmp_path / ".cache").mkdir()
    entry = {"at": "2026-11-22T00:00:00Z", "stage": "index", "model": TITAN, "tokens": 200, "dollars": 0.5}
    (tmp_path / ".cache/spent.jsonl").write_text(json.dumps(entry) + "\n")
    _, out, _ = run("estimate")
    index = out.splitlines()[1].split()
    assert index == ["index", TITAN, "2", "200", "0", "0.0000", "200", "0.5000"]
    total = next(line for line in out.splitlines() if line.startswith("total: "))
    assert total.endswith(" estimated, 0.5000 spent (US dollars, prices of 2026-11-22)")


def test_a_price_that_is_missing_or_in_other_money_is_named(params, run):
    del params["prices"]["per_million_tokens"][TITAN]
    _write(params)
    code, out, said = run("estimate")
    assert (code, out) == (1, "")
    assert said.startswith(
        "error: params.yaml: the price table of 2026-11-22 has no per_million_tokens for amazon.titan"
    )
    params["prices"]["currency"] = "EUR"
    _write(params)
    assert run("estimate")[2] == "error: params.yaml: prices.currency: must be USD for Bedrock. Got 'EUR'.\n"


def test_doctor_ends_with_one_if_anything_is_not_ready(params, run, aws):
    aws.settings.denied_models.add("anthropic.claude-sonnet-4-6")
    code, out, said = run("doctor")
    assert code == 1
    assert said == f"error: not ready for Amazon Bedrock: model {CLAUDE}. The remedies are above.\n"
    assert "ok     bucket: mine is made when it is needed\n" in out
    aws.settings.denied_models.clear()
    assert run("doctor")[0] == 0
    params["retrieval"]["mode"] = "hybrid"
    _write(params)
    assert run("doctor")[2].startswith("error: retrieval.mode: must be dense with a Bedrock knowledge base")


@pytest.mark.parametrize("command", ["resources", "teardown --dry-run"])
def test_without_credentials_what_is_at_aws_is_one_fault(params, run, aws, monkeypatch, command):
    for name in [name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION"))]:
        monkeypatch.delenv(name)
    code, out, said = run(*command.split())
    assert (code, out, said.count("no credentials were found")) == (1, "", 1)


@pytest.mark.parametrize(
    "setting", [broken.NO_JSON, broken.NO_PROFILE, broken.WRONG[1]], ids=("process", "profile", "address")
)
@pytest.mark.parametrize("command", ["doctor", "resources", "teardown --dry-run"])
def test_a_wrong_setting_of_aws_is_one_fault(params, run, aws, monkeypatch, tmp_path, command, setting):
    setting.set(monkeypatch, tmp_path)
    code, out, said = run(*command.split())
    assert (code, (out + said).count(setting.said), said.count("error: ")) == (1, 1, 1)
    assert "Traceback" not in said
    assert aws.ledger.entries == []


def test_teardown_without_a_terminal_and_without_yes_does_nothing(params, run, aws):
    assert run("teardown") == (
        2, "",
        "error: teardown deletes what was paid for, and there is no terminal to ask at. Look with --dry-run, then run "
        "it with --yes.\n",
    )  # fmt: skip
    assert aws.ledger.entries == []


def test_a_profile_without_a_region_leaves_those_of_params_and_without_any_it_is_told(params, run, aws, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert run("resources") == (
        1, "",
        "error: AWS, reading the AWS profile: no region is set. Set AWS_REGION or `region` in params.yaml, or run `aws "
        "configure`: us-east-1 has every model that the study knows.\n",
    )  # fmt: skip
    params["judges"]["claude"]["region"] = "eu-west-1"
    _write(params)
    assert run("resources") == (0, "nothing of tune-or-retrieve in eu-west-1.\n", "")


def test_resources_and_teardown_find_all_of_it_even_without_params(params, run, aws, monkeypatch):
    monkeypatch.setattr(commands, "take_down", _at_once(commands.take_down))
    here = clients()
    model = ours.tuned(here, ours.bucket_of(here))
    ours.hosted(here, model)
    ours.provisioned(here, model)
    code, out, _ = run("resources")
    assert code == 0
    assert "$60.00 an hour, used or not: $43,800.00 a month" in out
    assert out.splitlines()[-1] == (
        "us-east-1, while idle: $43,801.95 a month, plus 1 whose cost is not in the price table (US dollars, "
        "prices of 2026-11-22)"
    )
    aws.fault("ListCustomModels", "AccessDeniedException")
    code, _, said = run("resources")
    assert code == 1
    assert said.splitlines()[1].startswith(
        "  us-east-1, every custom model there may be: AWS, listing every custom model: access is denied"
    )
    aws.faults.clear()
    before = aws.left()
    assert run("teardown", "--dry-run")[0] == 0
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer in ("", "n", "yes please"):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert run("teardown")[::2] == (1, "error: not confirmed: nothing was removed.\n")
    assert aws.left() == before
    Path("params.yaml").write_text("no: [yaml")
    monkeypatch.setattr("builtins.input", lambda _: "y")
    code, _, said = run("teardown")
    assert (code, aws.left()) == (0, [])
    assert said.splitlines()[0].startswith("params.yaml: not valid YAML")


def _at_once(take_down):
    quick = Watch(every=0.0, sleep=lambda _: None)
    return lambda *given, **named: take_down(*given, **named, watch=quick)
