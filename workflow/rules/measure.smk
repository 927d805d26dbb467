rule measure:
    input:
        settings=f"{results}/scores.json",
        record=f"{results}/runs/{{run}}/evaluation.json",
        codes=f"{results}/runs/{{run}}/codes.h5",
    output:
        f"{results}/runs/{{run}}/metrics.json",
    log:
        f"{results}/runs/{{run}}/measure.log",
    benchmark:
        f"{results}/runs/{{run}}/measure.benchmark.tsv"
    threads: 1
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        flags=flags_of_scores(),
        folder=subpath(output[0], parent=True),
    shell:
        "tcwae measure --run {params.folder:q} {params.flags} > {log:q} 2>&1"
