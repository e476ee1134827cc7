"""Reads what `datlake lineage` wrote as those read it who made the formats.

    validate.py openlineage FILE    the published schemas, and the client's own model
    validate.py prov FILE PICTURE   the package `prov`, which also draws it
    validate.py ro-crate FOLDER COPY  the package `rocrate`, which also writes it again, and the rules of Process Run Crate
"""

import json
import pathlib
import sys
import urllib.parse

HERE = pathlib.Path(__file__).parent
OWN = HERE / "../../../docs/openlineage/DatlakeCallRunFacet.json"


def openlineage(path):
    import attr
    import jsonschema
    import referencing
    from openlineage.client import event_v2
    from openlineage.client.serde import Serde

    files = [HERE / "OpenLineage.json", OWN, *(HERE / "facets").glob("*.json")]
    schemas = [json.loads(file.read_text()) for file in files]
    registry = referencing.Registry().with_resources(
        (schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas
    )

    def check(part, ref):
        validator = jsonschema.Draft202012Validator(
            {"$ref": ref}, registry=registry, format_checker=jsonschema.FormatChecker()
        )
        validator.validate(part)

    events = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    facets = 0
    for event in events:
        check(event, event["schemaURL"])
        places = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
        for place in places:
            for kind in ("facets", "inputFacets", "outputFacets"):
                for facet in place.get(kind, {}).values():
                    check(facet, facet["_schemaURL"])
                    facets += 1
        # The client's model takes it, and gives it back.
        dataset = lambda made, one: made(namespace=one["namespace"], name=one["name"], facets=one.get("facets", {}))
        taken = event_v2.RunEvent(
            eventType=event_v2.RunState(event["eventType"]),
            eventTime=event["eventTime"],
            run=event_v2.Run(runId=event["run"]["runId"], facets=event["run"]["facets"]),
            job=event_v2.Job(namespace=event["job"]["namespace"], name=event["job"]["name"], facets=event["job"]["facets"]),
            inputs=[dataset(event_v2.InputDataset, one) for one in event["inputs"]],
            outputs=[dataset(event_v2.OutputDataset, one) for one in event["outputs"]],
            producer=event["producer"],
        )
        again = json.loads(Serde.to_json(taken))
        assert again["run"]["runId"] == event["run"]["runId"], again
    print(len(events), "events", facets, "facets")


def prov(path, picture):
    from prov.dot import prov_to_dot
    from prov.model import ProvActivity, ProvDocument, ProvEntity, ProvGeneration, ProvUsage

    document = ProvDocument.deserialize(path, format="json")
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert document == again
    count = lambda kind: len(list(document.get_records(kind)))
    prov_to_dot(document).write_png(picture)
    print(
        count(ProvEntity), "entities", count(ProvActivity), "activities", count(ProvUsage), "uses",
        count(ProvGeneration), "made",
    )


def ro_crate(folder, copy):
    from rocrate.rocrate import ROCrate

    crate = ROCrate(folder)
    as_list = lambda one: one if isinstance(one, list) else [] if one is None else [one]
    kinds = lambda entity: as_list(entity.type)
    profile = "https://w3id.org/ro/wfrun/process/0.5"
    assert profile in [one.id for one in as_list(crate.root_dataset.get("conformsTo"))]
    for name in ("name", "description", "datePublished", "license"):
        assert crate.root_dataset.get(name), name
    parts = {one.id for one in as_list(crate.root_dataset.get("hasPart"))}
    data = [one for one in crate.data_entities if not one.id.startswith("urn:")]
    for one in data:
        path = pathlib.Path(folder) / urllib.parse.unquote(one.id)
        assert path.exists() and one.id in parts, one.id
        if "File" in kinds(one):
            assert int(one.get("contentSize")) == path.stat().st_size, one.id
    actions = [one for one in crate.get_entities() if "CreateAction" in kinds(one)]
    mentioned = {one.id for one in as_list(crate.root_dataset.get("mentions"))}
    for action in actions:
        assert action.id in mentioned, action.id
        # The profile: an instrument that is software; what it was given and made are described.
        instrument = action.get("instrument")
        assert {"SoftwareSourceCode", "SoftwareApplication", "ComputationalWorkflow"} & set(kinds(instrument)), instrument
        for one in as_list(action.get("object")) + as_list(action.get("result")):
            assert not isinstance(one, str), one
            assert {"File", "Dataset", "PropertyValue"} & set(kinds(one)), one
        assert action.get("startTime") <= action.get("endTime") and "Person" in kinds(action.get("agent"))
    crate.write(copy)
    again = ROCrate(copy)
    assert {one.id for one in again.get_entities()} == {one.id for one in crate.get_entities()}
    print(len(data), "parts", len(actions), "actions")


{"openlineage": openlineage, "prov": prov, "ro-crate": ro_crate}[sys.argv[1]](*sys.argv[2:])
