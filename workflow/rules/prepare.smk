rule prepare:
    input:
        original_archives,
    output:
        "resources/{data}.h5",
    log:
        "resources/{data}.log",
    benchmark:
        "resources/{data}.benchmark.tsv"
    threads: 2
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        flags=prepare_flags,
    shell:
        "tcwae prepare {params.flags} --processes {threads} --output {output:q} > {log:q} 2>&1"
