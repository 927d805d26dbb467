localrules:
    select,


# a checkpoint: which runs an experiment needs may depend on what another one selects
checkpoint select:
    input:
        experiment_evaluations,
        experiment_grids,
        f"{results}/config.json",
    output:
        report(
            f"{results}/selection/{{experiment}}.csv",
            caption="../report/captions/selection.rst",
            category="Tables",
            labels={"table": "settings of {experiment}"},
        ),
    log:
        f"{results}/selection/{{experiment}}.log",
    params:
        results=subpath(output[0], ancestor=2),
    shell:
        "tcwae select {wildcards.experiment:q} --results {params.results:q} > {log:q} 2>&1"
