localrules:
    gather,


rule gather:
    input:
        study_metrics,
        grids_of(study.experiments),
        f"{results}/config.json",
    output:
        metrics=report(
            f"{results}/metrics.csv",
            caption="../report/captions/metrics.rst",
            category="Tables",
            labels={"table": "all runs"},
        ),
        study=f"{results}/study.json",
    log:
        f"{results}/gather.log",
    params:
        results=subpath(output.metrics, parent=True),
    shell:
        "tcwae gather --results {params.results:q} > {log:q} 2>&1"
