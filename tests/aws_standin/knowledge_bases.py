"""Knowledge bases and their data sources."""

from typing import Any

from . import chunking
from .account import NotAllowed
from .catalog import MODELS, offered, short
from .errors import conflict, invalid
from .state import Resource, State, operation, page
from .vectors import INDEX

BASE, SOURCE, INGESTION = "knowledge-base", "data-source", "ingestion-job"


def _check_embedding(state: State, configuration: dict[str, Any]) -> int:
    """The dimension of the vectors. Raises ValidationException for a model that makes none, or not these."""
    if configuration["type"] != "VECTOR" or "vectorKnowledgeBaseConfiguration" not in configuration:
        raise invalid("The stand-in plays knowledge bases of type VECTOR only.")
    vector = configuration["vectorKnowledgeBaseConfiguration"]
    model = MODELS.get(short(vector["embeddingModelArn"]))
    if not model or not model.dimensions or not offered(state):
        raise invalid(f"The embedding model {vector['embeddingModelArn']} is not supported.")
    chosen = vector.get("embeddingModelConfiguration", {}).get("bedrockEmbeddingModelConfiguration", {})
    dimension = chosen.get("dimensions", model.dimensions[0])
    if dimension not in model.dimensions:
        raise invalid(f"The embedding model makes vectors of {model.dimensions} dimensions, not {dimension}.")
    return dimension


def index_arn(storage: dict[str, Any]) -> str | None:
    """Of the S3 vector index that a storageConfiguration names; None for another kind of store."""
    section = storage.get("s3VectorsConfiguration")
    if section is None:
        return None
    return section.get("indexArn") or f"{section.get('vectorBucketArn')}/index/{section.get('indexName')}"


def _check_storage(state: State, storage: dict[str, Any] | None, dimension: int, role: str) -> None:
    kinds = {"S3_VECTORS": "s3VectorsConfiguration", "OPENSEARCH_SERVERLESS": "opensearchServerlessConfiguration"}
    if not storage or storage["type"] not in kinds or kinds[storage["type"]] not in storage:
        raise invalid("The knowledge base storage configuration provided is invalid or not played by the stand-in.")
    if storage["type"] == "OPENSEARCH_SERVERLESS":
        _demand(state, role, "aoss:APIAccessAll", storage["opensearchServerlessConfiguration"]["collectionArn"])
        return
    arn = index_arn(storage)
    index = state.resources.get(arn)
    if index is None or index.kind != INDEX:
        raise invalid(f"The knowledge base storage configuration provided is invalid: no vector index {arn}")
    if index.fields["about"]["dimension"] != dimension:
        raise invalid(
            "The knowledge base storage configuration provided is invalid: the index has "
            f"{index.fields['about']['dimension']} dimensions, the embedding model {dimension}"
        )
    for action in ("s3vectors:GetIndex", "s3vectors:QueryVectors"):
        _demand(state, role, action, arn)


def _demand(state: State, role: str, action: str, resource: str) -> None:
    try:
        state.account.demand(role, action, resource)
    except NotAllowed as error:
        raise invalid(f"The knowledge base storage configuration provided is invalid: {error}") from error


@operation("bedrock-agent", "CreateKnowledgeBase")
def create_base(state: State, params: dict[str, Any]) -> dict[str, Any]:
    state.refuse_name(BASE, params["name"])
    identifier = state.new_id(10).upper()
    arn, role = state.arn("bedrock", f"{BASE}/{identifier}"), params["roleArn"]
    try:
        state.account.assume(role, arn)
    except NotAllowed as error:
        raise invalid(
            f"Bedrock Knowledge Base was unable to assume the given role. Provide the proper permissions and retry "
            f"the request: {error}"
        ) from error
    dimension = _check_embedding(state, params["knowledgeBaseConfiguration"])
    _check_storage(state, params.get("storageConfiguration"), dimension, role)
    given = ("description", "roleArn", "knowledgeBaseConfiguration", "storageConfiguration")
    base = Resource(BASE, identifier, arn, params["name"], "CREATING", {key: params.get(key) for key in given})
    failure = state.settings.failure(BASE)

    def finish(base: Resource) -> None:
        if failure:
            base.fields["failureReasons"] = [failure]
        base.turn("FAILED" if failure else "ACTIVE")

    base.turn("CREATING", finish)
    state.add(base, params.get("tags"))
    return {"knowledgeBase": _base(base)}


def _base(base: Resource) -> dict[str, Any]:
    named = {"knowledgeBaseId": base.id, "knowledgeBaseArn": base.arn, "name": base.name, "status": base.status}
    return base.fields | named | {"createdAt": base.created, "updatedAt": base.updated}


@operation("bedrock-agent", "GetKnowledgeBase")
def get_base(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return {"knowledgeBase": _base(state.get(BASE, params["knowledgeBaseId"], poll=True))}


@operation("bedrock-agent", "ListKnowledgeBases")
def list_bases(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        {"knowledgeBaseId": one.id, "name": one.name, "status": one.status, "updatedAt": one.updated}
        for one in state.all(BASE, poll=True)
    ]
    return page(found, params, "knowledgeBaseSummaries")


@operation("bedrock-agent", "DeleteKnowledgeBase")
def delete_base(state: State, params: dict[str, Any]) -> dict[str, Any]:
    """Takes its data sources with it, each by its own deletion policy, as botocore documents; not the vector store."""
    base = state.get(BASE, params["knowledgeBaseId"])
    _refuse_while_ingesting(state, base.id)

    def finish(base: Resource) -> None:
        failed = [one for one in sources(state, base.id) if not _drop_vectors(state, base, one)]
        if failed:
            base.fields["failureReasons"] = [_UNREACHABLE]
            return base.turn("DELETE_UNSUCCESSFUL")
        for one in sources(state, base.id):
            state.remove(one)
        state.remove(base)

    base.turn("DELETING", finish)
    return {"knowledgeBaseId": base.id, "status": base.status}


_UNREACHABLE = (
    "Unable to delete data from the vector store. Check that the vector store and the role exist and that the role "
    "may delete from it, or set the data deletion policy to RETAIN, and try again."
)


def store(state: State, base: Resource) -> dict[str, Any] | None:
    """The chunks in the base's vector store, by key; None if the store is gone."""
    arn = index_arn(base.fields["storageConfiguration"])
    if arn:
        return state.resources[arn].fields["vectors"] if arn in state.resources else None
    section = base.fields["storageConfiguration"]["opensearchServerlessConfiguration"]
    return state.collections.setdefault((section["collectionArn"], section["vectorIndexName"]), {})


def _drop_vectors(state: State, base: Resource, source: Resource) -> bool:
    """Does what the data deletion policy says; False if the store or the role is no longer there to do it."""
    if source.fields["dataDeletionPolicy"] == "RETAIN":
        return True
    chunks, arn = store(state, base), index_arn(base.fields["storageConfiguration"])
    try:
        state.account.assume(base.fields["roleArn"], base.arn)
        if arn:
            state.account.demand(base.fields["roleArn"], "s3vectors:DeleteVectors", arn)
    except NotAllowed:
        return False
    if chunks is None:
        return False
    for key in [key for key, chunk in chunks.items() if chunk.data_source == source.id]:
        del chunks[key]
    return True


def sources(state: State, base_id: str) -> list[Resource]:
    return [one for one in state.resources.values() if one.kind == SOURCE and one.fields["knowledgeBaseId"] == base_id]


def source(state: State, params: dict[str, Any], poll: bool = False) -> Resource:
    base = state.get(BASE, params["knowledgeBaseId"])
    return state.get(SOURCE, f"{base.arn}/{params['dataSourceId']}", poll)


def _refuse_while_ingesting(state: State, parent: str) -> None:
    """`parent`: the id of a knowledge base or of a data source."""
    for job in state.all(INGESTION):
        if job.step and parent in (job.fields["knowledgeBaseId"], job.fields["dataSourceId"]):
            raise conflict(f"The ingestion job {job.id} of {parent} is running. Wait for it or stop it.")


@operation("bedrock-agent", "CreateDataSource")
def create_source(state: State, params: dict[str, Any]) -> dict[str, Any]:
    base = state.get(BASE, params["knowledgeBaseId"])
    if base.status != "ACTIVE":
        raise invalid(f"The knowledge base {base.id} is {base.status}. Wait until it is ACTIVE.")
    if any(one.name == params["name"] for one in sources(state, base.id)):
        raise conflict(f"DataSource with name {params['name']} already exists.")
    if params["dataSourceConfiguration"]["type"] != "S3" or "s3Configuration" not in params["dataSourceConfiguration"]:
        raise invalid("The stand-in plays data sources of type S3 only.")
    ingestion = params.get("vectorIngestionConfiguration", {})
    chunking.check(ingestion.get("chunkingConfiguration", chunking.DEFAULT))
    identifier = state.new_id(10).upper()
    fields = {
        "knowledgeBaseId": base.id,
        "description": params.get("description"),
        "dataSourceConfiguration": params["dataSourceConfiguration"],
        "vectorIngestionConfiguration": ingestion,
        "dataDeletionPolicy": params.get("dataDeletionPolicy", "DELETE"),
        "_documents": {},
    }
    one = Resource(SOURCE, identifier, f"{base.arn}/{identifier}", params["name"], "AVAILABLE", fields)
    return {"dataSource": _source(state.add(one))}


def _source(one: Resource) -> dict[str, Any]:
    shown = {name: value for name, value in one.fields.items() if not name.startswith("_")}
    named = {"dataSourceId": one.id, "name": one.name, "status": one.status}
    return shown | named | {"createdAt": one.created, "updatedAt": one.updated}


@operation("bedrock-agent", "GetDataSource")
def get_source(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return {"dataSource": _source(source(state, params, poll=True))}


@operation("bedrock-agent", "ListDataSources")
def list_sources(state: State, params: dict[str, Any]) -> dict[str, Any]:
    base = state.get(BASE, params["knowledgeBaseId"])
    shown = ("knowledgeBaseId", "dataSourceId", "name", "status", "updatedAt")
    found = [{key: _source(one)[key] for key in shown} for one in sources(state, base.id)]
    return page(found, params, "dataSourceSummaries")


@operation("bedrock-agent", "UpdateDataSource")
def update_source(state: State, params: dict[str, Any]) -> dict[str, Any]:
    """The way out of DELETE_UNSUCCESSFUL: the policy becomes RETAIN."""
    one = source(state, params)
    before = one.fields["vectorIngestionConfiguration"]
    if params.get("vectorIngestionConfiguration", before) != before:
        raise invalid("The chunking configuration of a data source cannot be changed.")
    one.name, one.fields["dataSourceConfiguration"] = params["name"], params["dataSourceConfiguration"]
    one.fields["dataDeletionPolicy"] = params.get("dataDeletionPolicy", one.fields["dataDeletionPolicy"])
    one.turn("AVAILABLE")
    return {"dataSource": _source(one)}


@operation("bedrock-agent", "DeleteDataSource")
def delete_source(state: State, params: dict[str, Any]) -> dict[str, Any]:
    one = source(state, params)
    _refuse_while_ingesting(state, one.id)
    base = state.get(BASE, params["knowledgeBaseId"])

    def finish(one: Resource) -> None:
        if _drop_vectors(state, base, one):
            return state.remove(one)
        one.fields["failureReasons"] = [_UNREACHABLE]
        one.turn("DELETE_UNSUCCESSFUL")

    one.turn("DELETING", finish)
    return {"knowledgeBaseId": base.id, "dataSourceId": one.id, "status": one.status}
