"""AWS documentation from the installed botocore: an overview for each service, an article for each operation."""

import difflib
import re
from collections.abc import Iterator

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from stages.articles.botocore_html import indent, to_markdown
from stages.articles.params import BotocoreParams
from stages.articles.shapes import describe, join, kind
from stages.articles.write import Document
from tune_or_retrieve.base.params import ParamsFaults
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.text.languages import ENGLISH

REQUEST_DEPTH = 3  # levels of nested parameters that are described
RESPONSE_DEPTH = 2
UNDESCRIBED = "The service model does not describe this operation."
# Names as people write them, where the model has others (AWS SFN, KMS, Amazon Simple Queue Service).
NAMES = {
    "dynamodb": "Amazon DynamoDB",
    "iam": "AWS IAM",
    "kms": "AWS KMS",
    "stepfunctions": "AWS Step Functions",
    # Two services each have these names.
    "elbv2": "Elastic Load Balancing V2",
    "kinesisanalyticsv2": "Amazon Kinesis Analytics V2",
    "sms-voice": "Amazon Pinpoint SMS and Voice Service (sms-voice)",
}


def read_botocore(params: BotocoreParams) -> list[Document]:
    """Every article of the requested services.

    Raises:
        StageError: another version of botocore is installed, or a service is unknown to it (all are named).
    """
    check_source(params)
    loader = Loader()
    return [
        document
        for service in track(params.services, "articles", unit="services", shorter="name fewer services")
        for document in service_documents(service, loader.load_service_model(service, "service-2"), params.version)
    ]


def check_source(params: BotocoreParams) -> None:
    """Raises StageError as `read_botocore` does, before anything is read."""
    _check_version(params.version)
    _check_services(params.services, Loader().list_available_services("service-2"))


def _check_version(version: str) -> None:
    import botocore

    if botocore.__version__ != version:
        raise ParamsFaults(
            [
                f"articles.botocore.version: must be the installed botocore's, {botocore.__version__}. Got "
                f"{version!r}. Run `.venv/bin/pip install botocore=={version}`, or set it to {botocore.__version__}: "
                "other articles, and other results."
            ]
        )


def _check_services(names: list[str], known: list[str]) -> None:
    faults = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            faults.append(
                f"articles.botocore.services: unknown service {name!r}."
                + (f" Nearest: {', '.join(close)}." if close else " Names are those that boto3.client() takes.")
            )
    if faults:
        raise ParamsFaults(faults)


def service_name(model: ServiceModel) -> str:
    """The name as people write it, "Amazon S3"."""
    metadata = model.metadata
    abbreviation = metadata.get("serviceAbbreviation", "")
    known = NAMES.get(model.service_name)
    return known or (abbreviation if abbreviation[:4] in ("Amaz", "AWS ") else metadata["serviceFullName"])


def service_documents(service: str, raw: dict, version: str) -> Iterator[Document]:
    """The articles of one service model, as botocore's loader gives it."""
    model = ServiceModel(raw, service)
    name = service_name(model)
    source = f"botocore {version} {service}/{model.api_version}"
    overview = to_markdown(model.documentation)
    if overview:
        title = f"Overview of {name}"
        text = f"# {title}\n\n{overview}\n"
        yield Document(f"{service}/overview", title, service, name, "overview", source, text, ENGLISH)
    for operation_name in model.operation_names:
        title = f"{operation_name} ({name})"
        text = operation_text(title, model.operation_model(operation_name))
        id_, from_ = f"{service}/{slug(operation_name)}", f"{source} {operation_name}"
        yield Document(id_, title, service, name, "operation", from_, text, ENGLISH)


def slug(name: str) -> str:
    """ "PutObject" to "put-object", "CreateDBCluster" to "create-db-cluster"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def operation_text(title: str, operation: OperationModel) -> str:
    """The Markdown of one operation."""
    blocks = [f"# {title}", "## Description", to_markdown(operation.documentation) or UNDESCRIBED]
    if operation.input_shape is not None and operation.input_shape.members:
        blocks += ["## Request parameters", *_parameters(operation.input_shape, [], {})]
    if operation.output_shape is not None and operation.output_shape.members:
        blocks += ["## Response elements", *_elements(operation.output_shape, set())]
    if operation.error_shapes:
        blocks += ["## Errors", *_errors(operation)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _parameters(shape: StructureShape, path: list[str], seen: dict[str, str]) -> Iterator[str]:
    """Blocks of Markdown: for each member a heading, its type and limits, its documentation, then its own members.

    A structure is described once in an article; where it occurs again or within itself, that place is referred to.
    """
    for name, member in shape.members.items():
        yield "#" * (len(path) + 3) + f" {name}"
        nested = _structure_of(member)
        facts = describe(name, member, name in shape.required_members, path[-1] if path else "")
        if nested is not None and nested.members:
            facts += _pointer(name, nested, len(path) + 1, seen)
        yield facts
        yield to_markdown(member.documentation)
        if nested is not None and nested.members and len(path) + 1 < REQUEST_DEPTH and nested.name not in seen:
            seen[nested.name] = ".".join([*path, name])
            yield from _parameters(nested, [*path, name], seen)


def _pointer(name: str, nested: StructureShape, depth: int, seen: dict[str, str]) -> str:
    if nested.name in seen:
        return f" Its members are described under `{seen[nested.name]}`."
    if depth >= REQUEST_DEPTH:
        return f" Its members are {join([f'`{member}`' for member in nested.members])}."
    return ""


def _structure_of(shape: Shape) -> StructureShape | None:
    """The structure that a parameter is, or is a list or map of."""
    while isinstance(shape, ListShape | MapShape):
        shape = shape.member if isinstance(shape, ListShape) else shape.value
    return shape if isinstance(shape, StructureShape) else None


def _elements(shape: StructureShape, above: set[str]) -> Iterator[str]:
    """One list item per response element: name, type, documentation, and in it its own elements."""
    for name, member in shape.members.items():
        yield _element(name, member, {*above, shape.name})


def _element(name: str, member: Shape, above: set[str]) -> str:
    text = to_markdown(member.documentation)
    item = f"- `{name}` ({kind(member)})" + (f": {text}" if text else "")
    nested = _structure_of(member)
    if nested is not None and len(above) < RESPONSE_DEPTH and nested.name not in above:
        item += "".join(
            f"\n\n{_element(child, inner, {*above, nested.name})}" for child, inner in nested.members.items()
        )
    return indent(item)


def _errors(operation: OperationModel) -> Iterator[str]:
    for shape in operation.error_shapes:
        text = to_markdown(shape.documentation)
        yield indent(f"- `{shape.name}`" + (f": {text}" if text else ""))
