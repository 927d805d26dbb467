rule estimate:
    input:
        metrics=f"{results}/runs/{{run}}/metrics.json",
        codes=f"{results}/runs/{{run}}/codes.h5",
    output:
        f"{results}/runs/{{run}}/estimates.csv",
    log:
        f"{results}/runs/{{run}}/estimate.log",
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "tcwae estimate --run {params.folder:q} > {log:q} 2>&1"
