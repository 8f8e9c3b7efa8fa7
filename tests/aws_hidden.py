"""No test sees the AWS settings of whoever runs it."""

import os

import pytest


def hide_aws(patch: pytest.MonkeyPatch) -> None:
    """Take AWS settings out of the environment, and the profiles in the caller's home out of reach."""
    for name in list(os.environ):
        if name.startswith("AWS_") and name != "AWS_CA_BUNDLE":
            patch.delenv(name)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(name, os.devnull)


def show_aws(patch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Put these AWS settings, and no others, into the environment."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            patch.delenv(name)
    for name, value in settings.items():
        patch.setenv(name, value)
