"""The commands about AWS and its costs: doctor, estimate, resources, teardown."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tune_or_retrieve.account import doctor as preflight
from tune_or_retrieve.account.doctor import Finding, Wanted
from tune_or_retrieve.account.estimate import estimate as estimated
from tune_or_retrieve.account.estimate import table
from tune_or_retrieve.account.requirements import (
    Requirements,
    hourly,
    prices,
    provisioned,
    regions_and_buckets,
    requirements,
)
from tune_or_retrieve.account.resources import Scope, kinds
from tune_or_retrieve.account.resources import table as listed
from tune_or_retrieve.account.teardown import teardown as take_down
from tune_or_retrieve.account.work import count, work
from tune_or_retrieve.base import params
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.leaves import leaves
from tune_or_retrieve.commands.asking import confirmed, refuse_without_terminal
from tune_or_retrieve.commands.check import refuse_faults
from tune_or_retrieve.money.budget import Budget
from tune_or_retrieve.providers.bedrock.aws.removal import look
from tune_or_retrieve.providers.bedrock.aws.session import Clients, clients, profile_region
from tune_or_retrieve.providers.bedrock.tuning.hosting import HOURS_OF_A_MONTH

LOCAL = "params.yaml uses nothing of Amazon Bedrock: `tune-or-retrieve preset bedrock` moves the study there."

NOTHING_THERE = (
    "This study has nothing on AWS: params.yaml uses nothing of Amazon Bedrock and names no region. To look into a "
    "region all the same, set AWS_REGION."
)
CHOOSES = ("qa.provider", "knowledge_base.backend")


def doctor() -> None:
    """Raises StageError if anything is not ready, or, before AWS is asked, if params.yaml has faults."""
    if (found := _on_bedrock()) is None:
        return
    content, asked = found
    default = profile_region()
    by_region: dict[str | None, Wanted] = {}
    for region, wanted in asked.wanted.items():
        by_region[region or default] = by_region.get(region or default, Wanted()) + wanted
    found: list[Finding] = []
    for region, wanted in by_region.items():
        here = clients(region)
        credentials, *others = preflight.findings(here, wanted)
        found += others if credentials in found else [credentials, *others]
        if credentials.ok:
            found += _prices(here, content, wanted)
    if asked.search:
        found.append(preflight.search(*asked.search))
    preflight.report(found)


def _on_bedrock() -> tuple[dict[str, Any], Requirements] | None:
    """The params and what they require of Bedrock; None, with a message, if nothing.

    Raises StageError as `check` does.
    """
    refuse_faults()
    content = params.everything()
    asked = requirements(content)
    if asked.on_bedrock:
        return content, asked
    print(LOCAL)
    return None


def _prices(here: Clients, content: Mapping[str, Any], wanted: Wanted) -> list[Finding]:
    try:
        dated = prices(content)
    except StageError as fault:
        return [Finding("prices", False, str(fault))]
    return preflight.prices(here, dated, [*wanted.called, *wanted.embedding], wanted.tuned)


def estimate() -> None:
    """Tokens and dollars of each stage, and what was spent. Asks nothing of AWS. Raises StageError as `check` does."""
    if (found := _on_bedrock()) is None:
        return
    content, asked = found
    dated, counted = prices(content), count(content)
    print(table(estimated(work(asked, counted, content), dated), dated, Budget().by_stage()))
    if counted.about:
        print(f"about: not made yet, so estimated from params.yaml: {', '.join(counted.about)}.")
    if asked.embedding and counted.chunks is None:
        print("index: not known before the stage chunks has run.")
    for name, per_hour in provisioned(content).items():
        month = f"${per_hour * HOURS_OF_A_MONTH:,.2f} a month"
        print(f"{name}: in addition, provisioned throughput at ${per_hour:,.2f} an hour, used or not: {month}.")
    print("Spent counts all runs since .cache/spent.jsonl was started, without the monthly storage of models.")
    print("Replies are assumed to be as long as allowed; what is in the store costs nothing again.")


def resources() -> None:
    """List what this project has at AWS. Raises StageError if a part of it could not be listed."""
    if (found := _regions()) is None:
        return
    regions, scope = found
    unlisted = []
    for here in regions:
        found, unseen = look(here, kinds(scope))
        print(listed(found, here.region, scope.prices))
        unlisted += [f"  {here.region}, {one}: {one.why}" for one in unseen]
    if unlisted:
        raise StageError("\n".join(["could not be listed, and may still cost:", *unlisted]))


def teardown(dry_run: bool = False, yes: bool = False) -> None:
    """Remove all of it. Without a terminal to ask at and without `yes`, exit with code 2 before AWS is contacted."""
    if not dry_run and not yes:
        refuse_without_terminal(
            "teardown deletes what was paid for, and there is no terminal to ask at. Look with --dry-run, then run it "
            "with --yes."
        )
    if (found := _regions()) is None:
        return
    regions, scope = found
    take_down(regions, scope, dry_run, confirmed=lambda: yes or _asked(regions))


def _asked(regions: Sequence[Clients]) -> bool:
    names = ", ".join(here.region for here in regions)
    return confirmed(f"Remove all of this from account {regions[0].account_id}, {names}?")


def _regions() -> tuple[list[Clients], Scope] | None:
    """Every region that params or the AWS profile name, and every bucket that params name.

    Params are used as far as they can be read: what is on AWS can be removed without them, too. None, with a message,
    if the study is local and no region is named.
    """
    content, dated = {}, None
    try:
        content = params.everything()
        dated = prices(content)
    except StageError as fault:
        print(f"{fault} Going on without it.", file=sys.stderr)
    named, buckets = regions_and_buckets(content)
    names = dict.fromkeys(filter(None, [profile_region(), *named]))
    if content and not names and not _uses_bedrock(content):
        print(NOTHING_THERE)
        return None
    regions = [clients(name) for name in names or [None]]
    _ = regions[0].account_id  # without credentials this is one fault, instead of one for each kind of resource
    return regions, Scope(tuple(buckets), dated, hourly(content))


def _uses_bedrock(content: Mapping[str, Any]) -> bool:
    """Whether `content`, which is unchecked, names Bedrock as a provider of the study."""
    named = leaves({section: content.get(section) for section in ("study", "qa", "knowledge_base")})
    return "bedrock" in (value for key, value in named.items() if key.startswith("study.") or key in CHOOSES)
