localrules:
    gather,


rule gather:
    input:
        study_metrics,
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
        study=study_json,
        results=subpath(output.metrics, parent=True),
    shell:
        "tcwae gather --study {params.study:q} --results {params.results:q} > {log:q} 2>&1"
