rule prepare:
    input:
        original_archive,
    output:
        "resources/{dataset}-{source}.h5",
    log:
        "resources/{dataset}-{source}.log",
    benchmark:
        "resources/{dataset}-{source}.benchmark.tsv"
    resources:
        mem_mb=growing_memory,
        runtime=60,
    params:
        archive=archive_flag,
    shell:
        "tcwae prepare {wildcards.dataset} --source {wildcards.source} {params.archive} --output {output:q} > {log:q} 2>&1"
