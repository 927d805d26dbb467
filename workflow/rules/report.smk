localrules:
    report,


rule report:
    input:
        f"{results}/metrics.csv",
        selections(),
        f"{results}/study.json",
        comparison=comparison(),
        figures=figures,
        template=beside("../report/report.typ"),
        parts=[beside(f"../report/{part}.typ") for part in ("look", "words", "experiments", "beyond", "appendices")],
    output:
        report(
            f"{results}/report.pdf",
            caption="../report/captions/report.rst",
            category="Report",
            labels={"document": "report"},
        ),
    log:
        f"{results}/report.log",
    params:
        results=subpath(output[0], parent=True),
    shell:
        "tcwae report --results {params.results:q} --template {input.template:q} --output {output:q} > {log:q} 2>&1"
