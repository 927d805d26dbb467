from snakemake.utils import min_version

min_version("9.27")


if "experiments" not in config:  # a study of its own, given with --configfile

    configfile: "config.yaml" if Path("config.yaml").exists() else f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"


container: study.container


include: "workflow/rules/download.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/rescore.smk"
include: "workflow/rules/gather.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/plot.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/page.smk"


localrules:
    all,


rule all:
    # with the report what it was made from, so that any file that was deleted is made again
    input:
        f"{results}/report.pdf",
        f"{results}/index.html",
        f"{results}/metrics.csv",
        f"{results}/study.json",
        selections(),
        comparison(),
        figures,
        run_files,
