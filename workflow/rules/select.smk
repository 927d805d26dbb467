localrules:
    select,


rule select:
    input:
        f"{results}/metrics.csv",
    output:
        f"{results}/selection.csv",
    log:
        f"{results}/select.log",
    params:
        results=subpath(output[0], parent=True),
    shell:
        "tcwae select --results {params.results:q} > {log:q} 2>&1"
