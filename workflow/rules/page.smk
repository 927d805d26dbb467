rule page:
    input:
        f"{results}/metrics.csv",
        selections(),
        f"{results}/study.json",
        figures,
        run_files,
    output:
        page=f"{results}/index.html",
        parts=directory(f"{results}/page"),
    log:
        f"{results}/page.log",
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        results=subpath(output.page, parent=True),
    shell:
        "tcwae page --results {params.results:q} > {log:q} 2>&1"
