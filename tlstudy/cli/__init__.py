"""The commands of `tlstudy`. Heavy imports are inside them, so that help need not wait."""

from tlstudy.cli import checks, comparing, files, inputs, measurements, planning, results
from tlstudy.cli.group import main
from tlstudy.config.measurements import measurements as all_measurements

# In the order of the workflow, which is that of the help.
for command in (
    files.init,
    planning.runs,
    planning.plan,
    planning.status,
    planning.schema,
    inputs.images,
    inputs.weights,
    inputs.subset,
    measurements.train,
    *map(measurements.measurement_command, all_measurements().values()),
    measurements.laboratory,
    results.aggregate,
    results.claims,
    results.figures,
    results.report,
    comparing.compare,
    comparing.export,
    checks.verify,
    checks.pack,
    checks.audit,
    checks.formulas,
    files.clean,
):
    main.add_command(command)
