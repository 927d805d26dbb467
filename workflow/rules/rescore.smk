rule rescore:
    input:
        metrics=f"{results}/runs/{{run}}/metrics.json",
        codes=f"{results}/runs/{{run}}/codes.h5",
    output:
        f"{results}/runs/{{run}}/rescored.csv",
    log:
        f"{results}/runs/{{run}}/rescore.log",
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        folder=subpath(output[0], parent=True),
        seed=study.evaluation.seed,
    shell:
        "tcwae rescore --run {params.folder:q} --seed {params.seed} > {log:q} 2>&1"
