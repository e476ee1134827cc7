"""Reads what `datlake lineage` wrote as those read it who made the formats.

    validate.py openlineage FILE    the published schemas, and the client's own model
    validate.py prov FILE PICTURE   the package `prov`, which also draws it
"""

import json
import pathlib
import sys

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


{"openlineage": openlineage, "prov": prov}[sys.argv[1]](*sys.argv[2:])
