localrules:
    download,


rule download:
    output:
        ensure("resources/raw/{dataset}/{archive}", sha256=published_sha256),
    log:
        "resources/raw/{dataset}/{archive}.log",
    retries: 2
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "tcwae download {wildcards.dataset} --file {wildcards.archive:q} --output {params.folder:q} > {log:q} 2>&1"
