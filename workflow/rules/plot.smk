rule plot:
    input:
        f"{results}/metrics.csv",
        f"{results}/selection/{{experiment}}.csv",
        f"{results}/study.json",
        read_by_figure,
    output:
        data=f"{results}/figures/{{experiment}}-{{figure}}.csv",
        svg=f"{results}/figures/{{experiment}}-{{figure}}.svg",
        figure=report(
            f"{results}/figures/{{experiment}}-{{figure}}.pdf",
            caption="../report/captions/figure.rst",
            category="Figures",
            subcategory="{experiment}",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{results}/figures/{{experiment}}-{{figure}}.log",
    wildcard_constraints:
        figure="|".join(TABLES),
    resources:
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        results=subpath(input[0], parent=True),
        caption=caption_of,  # for Snakemake's own report
    shell:
        "tcwae plot {wildcards.experiment} {wildcards.figure} --results {params.results:q} --output {output.figure:q} "
        "> {log:q} 2>&1"


use rule plot as plot_pictures with:
    output:
        data=f"{results}/figures/{{experiment}}-{{figure}}.h5",
        svg=f"{results}/figures/{{experiment}}-{{figure}}.svg",
        figure=report(
            f"{results}/figures/{{experiment}}-{{figure}}.pdf",
            caption="../report/captions/figure.rst",
            category="Figures",
            subcategory="{experiment}",
            labels={"figure": "{figure}"},
        ),
    wildcard_constraints:
        figure="|".join(PICTURES),
