localrules:
    gather,


rule gather:
    input:
        [f"{results}/runs/{run}/metrics.json" for run in all_runs],
    output:
        metrics=f"{results}/metrics.csv",
        study=f"{results}/study.json",
    log:
        f"{results}/gather.log",
    params:
        study=study.model_dump_json(),
        results=subpath(output.metrics, parent=True),
    shell:
        "tcwae gather --study {params.study:q} --results {params.results:q} > {log:q} 2>&1"
