localrules:
    select,


# a checkpoint: which runs an experiment needs may depend on what another one selects
checkpoint select:
    input:
        experiment_metrics,
    output:
        f"{results}/selection/{{experiment}}.csv",
    log:
        f"{results}/selection/{{experiment}}.log",
    params:
        study=experiment_json,
        results=results,
    shell:
        "tcwae select {wildcards.experiment:q} --study {params.study:q} --results {params.results:q} > {log:q} 2>&1"
