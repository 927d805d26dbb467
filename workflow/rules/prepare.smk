rule prepare:
    input:
        original_archives,
    output:
        "resources/{data}.h5",
    log:
        "resources/{data}.log",
    benchmark:
        "resources/{data}.benchmark.tsv"
    # before any training, which would take one of two cores while no other run has images yet
    priority: 1
    threads: 2
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        flags=prepare_flags,
    shell:
        "tcwae prepare {params.flags} --processes {threads} --output {output:q} > {log:q} 2>&1"
