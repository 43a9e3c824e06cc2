"""Step of every measurement: a run after its training, measured."""

from tlstudy.config.measurements import measurements
from tlstudy.config.settings import Study
from tlstudy.config.study import Run
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.jobs.run_inputs import load_fine_tuned
from tlstudy.networks.device import prepared
from tlstudy.storage.columns import schema
from tlstudy.storage.files import without_nan, write_json_atomically


@with_provenance(graph.measure)
def measure_run(
    study: Study, run: Run, name: str, gpus: int | None = None, threads: int | None = None
) -> None:
    """Measure a run and write the measurement's table or JSON into its folder.

    Args:
        name: of the measurement.
        gpus: GPUs granted by the workflow; None outside one.
        threads: processor threads; None for PyTorch's own choice.
    """
    measurement = measurements()[name]
    device = prepared("cpu" if measurement.on_one_core else study.device, gpus, threads)
    measured = measurement.measure(load_fine_tuned(study, run, device), getattr(study, name))
    file = paths.measured_file(study, name, run)
    if measurement.columns is not None:
        from tlstudy.storage.table_files import write_table  # pandas: work need not wait for it

        write_table(file, schema(measurement.columns), measured)
        return
    write_json_atomically(file, without_nan(measured))
