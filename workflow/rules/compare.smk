localrules:
    compare,


rule compare:
    input:
        table=f"{results}/metrics.csv",
        selections=selections(),
        study=f"{results}/study.json",
        published=list(study.published),
    output:
        report(
            f"{results}/comparison.csv",
            caption="../report/captions/comparison.rst",
            category="Tables",
            labels={"table": "beside published scores"},
        ),
    log:
        f"{results}/compare.log",
    params:
        results=subpath(input.table, parent=True),
    shell:
        "tcwae compare {input.published:q} --results {params.results:q} --output {output:q} > {log:q} 2>&1"
