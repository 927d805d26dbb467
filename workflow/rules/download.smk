localrules:
    download,


rule download:
    output:
        "resources/raw/{dataset}/{archive}",  # which tcwae download creates only when its checksum is right
    log:
        "resources/raw/{dataset}/{archive}.log",
    retries: 2
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "tcwae download {wildcards.dataset} --file {wildcards.archive:q} --output {params.folder:q} > {log:q} 2>&1"
