rule train:
    input:
        # ancient: the same images made once more are no reason to train again
        data=ancient(prepared_data),
        settings=f"{results}/runs/{{run}}/run.json",
    output:
        model=f"{results}/runs/{{run}}/model.safetensors",
        curves=f"{results}/runs/{{run}}/curves.csv",
        training=f"{results}/runs/{{run}}/training.json",
    log:
        f"{results}/runs/{{run}}/train.log",
    benchmark:
        f"{results}/runs/{{run}}/train.benchmark.tsv"
    threads: 1
    resources:
        device="cpu",
        mem_mb=growing_memory,
    params:
        flags=flags_of_run,
        budget=time_budget,
        folder=subpath(output.model, parent=True),
    # status 3: the run diverged, which is a result. The log is appended to, as another job on the run may still write to it
    shell:
        ": > {log:q}; tcwae train {params.flags} --data {input.data:q} --output {params.folder:q} "
        "--device {resources.device} --threads {threads} {params.budget} >> {log:q} 2>&1 || [ $? -eq 3 ]"
