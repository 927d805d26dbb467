localrules:
    gather,


rule gather:
    input:
        study_metrics,
    output:
        metrics=f"{results}/metrics.csv",
        study=f"{results}/study.json",
    log:
        f"{results}/gather.log",
    params:
        study=study_json,
        results=subpath(output.metrics, parent=True),
    shell:
        "tcwae gather --study {params.study:q} --results {params.results:q} > {log:q} 2>&1"
