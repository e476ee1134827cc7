"""Two dataflows: raw files come in, and a model is made anew for whatever came in since.

DATLAKE_API_URL=http://127.0.0.1:8000 DATLAKE_API_KEY=dlt_… python examples/two_zones.py
"""

from __future__ import annotations

from datlake_sdk import ZoneDataFlowCoordinator


def main() -> None:
    with ZoneDataFlowCoordinator() as dataflows:
        raw = dataflows.create_dataflow("raw", "invoices", "acme")
        model = dataflows.create_dataflow("standard", "revenue", max_attempts=3)
        dataflows.associate_source_to_target(raw, model)

        for day in ("2026-11-01", "2026-11-02"):
            run = dataflows.start_dataflow_run_with_id(raw)
            dataflows.finish_dataflow_run("success", run.run_id, 10, dataflow_partition_key=f"day={day}")

        # Elsewhere, as often as somebody likes: what was ready is claimed, and by nobody else.
        if dataflows.fetch_ready_dataflow_source_by_target_id(model):
            run = dataflows.start_dataflow_run_with_id(model)
            for ready in run.dataflow_queue_list:
                print(ready.zone, ready.model_name, ready.dataflow_partition_key, ready.record_count)
            dataflows.finish_dataflow_run("success", run.run_id)


if __name__ == "__main__":
    main()
