rule plot:
    input:
        f"{results}/metrics.csv",
        f"{results}/selection/{{experiment}}.csv",
        f"{results}/study.json",
    output:
        report(
            f"{results}/figures/{{experiment}}-{{figure}}.pdf",
            caption="../report/captions/figure.rst",
            category="Figures",
            subcategory="{experiment}",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{results}/figures/{{experiment}}-{{figure}}.log",
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        results=subpath(input[0], parent=True),
    shell:
        "tcwae plot {wildcards.experiment} {wildcards.figure} --results {params.results:q} --output {output:q} "
        "> {log:q} 2>&1"
