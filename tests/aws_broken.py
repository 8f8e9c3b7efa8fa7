"""AWS settings that a user got wrong, and what is said of each, whatever was about to be done."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

PROCESS = (
    'It must print {"Version": 1, "AccessKeyId": "...", "SecretAccessKey": "..."}: run it yourself, and correct '
    "credential_process in ~/.aws/config."
)
ADDRESS = (
    "Correct AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE> or endpoint_url in ~/.aws/config to one as in "
    "https://HOST:PORT, or remove it."
)
SETTINGS = "Correct ~/.aws/config or the AWS_ variables."
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Broken(NamedTuple):
    said: str
    config: str = ""  # of the default profile in ~/.aws/config, which has no other credentials
    variables: Mapping[str, str] = MappingProxyType({})

    def set(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        if self.config:
            file = folder / "aws_config"
            file.write_text(f"[default]\nregion = us-east-1\n{self.config}\n")
            patch.setenv("AWS_CONFIG_FILE", str(file))
            for name in KEYS:
                patch.delenv(name, raising=False)
        for name, value in self.variables.items():
            patch.setenv(name, value)


def _process(command: str, it: str) -> Broken:
    said = f"the credential_process of the AWS profile gives no credentials ({it}). {PROCESS}"
    return Broken(said, config=f"credential_process = {command}")


def address(value: str, it: str, *services: str) -> Broken:
    variables = {f"AWS_ENDPOINT_URL_{service}": value for service in services}
    return Broken(f"the address that is set for the service is not a URL ({it}). {ADDRESS}", variables=variables)


NO_JSON = _process("echo hello", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
NO_PROFILE = Broken(
    "The config profile (nobody) could not be found. Correct AWS_PROFILE, or make it with `aws configure`.",
    variables={"AWS_PROFILE": "nobody"},
)
UNAVAILABLE = [  # credentials that cannot be had
    NO_JSON,
    _process("echo []", "AttributeError: 'list' object has no attribute 'get'"),
    _process("/nonexistent/login", "[Errno 2] No such file or directory: '/nonexistent/login'"),
    _process("echo 'open", "No closing quotation"),
    Broken(
        f"the credentials cannot be obtained (Unsupported host 'None'.  Can only retrieve metadata from a loopback "
        f"address or one of these hosts: 169.254.170.2, 169.254.170.23, fd00:ec2::23, localhost). {SETTINGS}",
        config="# none",
        variables={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "nonsense"},
    ),
]
NO_REQUEST = [  # which botocore does not tell from a network that fails
    Broken(
        f"the request could not be made (An HTTP Client raised an unhandled exception: {it}). Check the proxy "
        "(HTTPS_PROXY), AWS_CA_BUNDLE and AWS_ENDPOINT_URL. What was finished is kept: run `dvc repro` again, which "
        "goes on from there.",
        variables={"AWS_ENDPOINT_URL_STS": address, **variables},
    )
    for it, address, variables in (
        ("Not supported URL scheme ftp", "ftp://127.0.0.1", {}),
        (
            "Failed to parse: '127.0.0.1:x' is not a valid host or port",
            "https://sts.us-east-1.amazonaws.com",
            {"HTTPS_PROXY": "http://127.0.0.1:x"},
        ),
    )
]
WRONG = [  # values that nothing may step in for
    NO_PROFILE,
    address("nonsense", "Invalid endpoint: nonsense", "STS"),
    address("http://", "Invalid endpoint: http://", "STS"),
    address("http://[::1", "Invalid IPv6 URL", "STS"),
    address("http://127.0.0.1:99999", "Port out of range 0-65535", "STS"),
    Broken(
        "the AWS configuration cannot be used (Client configured with invalid defaults mode: x. Valid defaults modes "
        f"include: legacy, auto, standard, in-region, cross-region, mobile). {SETTINGS}",
        variables={"AWS_DEFAULTS_MODE": "x"},
    ),
    Broken(
        "Provided region_name 'us east 1' doesn't match a supported format. Correct AWS_REGION or `region` in "
        "params.yaml, for instance to us-east-1.",
        variables={"AWS_REGION": "us east 1"},
    ),
]
