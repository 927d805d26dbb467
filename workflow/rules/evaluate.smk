rule evaluate:
    input:
        data=ancient(prepared_data),
        settings=evaluation_settings,
        model=f"{results}/runs/{{run}}/model.safetensors",
        training=f"{results}/runs/{{run}}/training.json",
    output:
        record=f"{results}/runs/{{run}}/evaluation.json",
        codes=f"{results}/runs/{{run}}/codes.h5",
        images=f"{results}/runs/{{run}}/images.h5",
    log:
        f"{results}/runs/{{run}}/evaluate.log",
    benchmark:
        f"{results}/runs/{{run}}/evaluate.benchmark.tsv"
    threads: 1
    resources:
        device="cpu",
        mem_mb=growing_memory,
        runtime=growing_time,
    params:
        flags=flags_of_evaluation,
        folder=subpath(output.record, parent=True),
    shell:
        "tcwae evaluate --run {params.folder:q} --data {input.data:q} {params.flags} "
        "--device {resources.device} --threads {threads} > {log:q} 2>&1"
