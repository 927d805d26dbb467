localrules:
    report,


rule report:
    input:
        f"{results}/metrics.csv",
        f"{results}/selection.csv",
        f"{results}/study.json",
        figures=tables_and_figures(),
        template="workflow/report/report.typ",
    output:
        report(f"{results}/report.pdf", category="Report", labels={"document": "report"}),
    log:
        f"{results}/report.log",
    params:
        results=subpath(output[0], parent=True),
    shell:
        "tcwae report --results {params.results:q} --template {input.template:q} --output {output:q} > {log:q} 2>&1"
